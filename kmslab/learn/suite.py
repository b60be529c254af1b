"""The map of the suite: every notebook, the question it answers, and whether it is written."""

import pandas

from kmslab.learn import catalogue


def suite_map() -> pandas.DataFrame:
    """A row for each notebook of the course, in reading order."""
    rows = [
        [entry.number, entry.question, entry.minutes, "planned" if entry.planned else "ready"]
        for entry in catalogue.load()
    ]
    columns = ["notebook", "the question it answers", "minutes", "state"]
    return pandas.DataFrame(rows, columns=columns).set_index("notebook")
