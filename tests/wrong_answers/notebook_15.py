"""Typical wrong answers to the exercises of notebook 15, each with the mistake it makes."""

import pandas


def returns_nothing(*arguments):
    return None


# --- 15-1 ---------------------------------------------------------------------------------


def ask(connection, what, rest):
    return connection.sql(f"SELECT principal, operation, {what} FROM trail {rest}").fetchall()


def counts_rows(connection):
    return ask(connection, "count(*) AS n", "WHERE outcome = 'denied' GROUP BY ALL ORDER BY n DESC")


def counts_every_outcome(connection):
    return ask(connection, "count(DISTINCT event_id) AS n", "GROUP BY ALL ORDER BY n DESC")


def counts_errors(connection):
    return ask(
        connection,
        "count(DISTINCT event_id) AS n",
        "WHERE error IS NOT NULL GROUP BY ALL ORDER BY n DESC",
    )


def forgets_the_order(connection):
    return ask(
        connection,
        "count(DISTINCT event_id) AS n",
        "WHERE outcome = 'denied' GROUP BY ALL ORDER BY n",
    )


def counts_callers_alone(connection):
    return connection.sql(
        "SELECT principal, count(DISTINCT event_id) FROM trail WHERE outcome = 'denied' GROUP BY 1"
    ).fetchall()


def returns_a_relation(connection):
    return connection.sql("SELECT principal, operation, 1 FROM trail WHERE outcome = 'denied'")


# --- 15-2 ---------------------------------------------------------------------------------


def loops_over_rows(table):
    hours = [row["time"].floor("h") for _, row in table.iterrows()]
    return pandas.Series(hours).value_counts().sort_index()


def groups_by_the_hour_of_the_day(table):
    return table.groupby(table["time"].dt.hour).size()


def groups_by_the_day(table):
    return table.groupby(table["time"].dt.floor("D")).size()


def counts_what_worked(table):
    worked = table[table["outcome"] == "ok"]
    return worked.groupby(worked["time"].dt.floor("h")).size()


def computes_at_once(table):
    counted = table.groupby(table["time"].dt.floor("h")).size()
    return counted.compute() if hasattr(counted, "compute") else counted


WRONG = {
    "15-1": [
        ("returns nothing", returns_nothing),
        ("counts rows, and so what was delivered twice", counts_rows),
        ("counts every outcome", counts_every_outcome),
        ("counts every error", counts_errors),
        ("puts the busiest last", forgets_the_order),
        ("leaves out the operation", counts_callers_alone),
        ("gives a relation and no rows", returns_a_relation),
    ],
    "15-2": [
        ("returns nothing", returns_nothing),
        ("loops over rows", loops_over_rows),
        ("puts all days together", groups_by_the_hour_of_the_day),
        ("rounds to days", groups_by_the_day),
        ("counts only what worked", counts_what_worked),
        ("computes at once", computes_at_once),
    ],
}
