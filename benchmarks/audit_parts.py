"""The parts about many log files: to a table, to Parquet, and to an answer."""

import statistics

from benchmarks.audit_scale import MILLION, log_folder, ten_times
from benchmarks.once import Run, race_once
from benchmarks.race import Ratio, one_ratio, race, ratio
from benchmarks.results import Curve, Figure, Point, Row
from kmslab.learn.benchmark_record import ANSWERS_CURVE, MEMORY_CURVE, TEN_MILLION_CURVE


def auditing() -> list[Figure]:
    figures = race(["tables.flattened_table", "tables.audit_table"], rounds=5)
    return [
        Row(
            "100,000 events to a table, CPU: json_normalize / kmslab",
            ratio(figures["tables.flattened_table"], figures["tables.audit_table"]),
            "≥ 3",
        )
    ]


def auditing_a_million() -> list[Figure]:
    """A million events in a thousand files: by the clock on the wall, each run a process."""
    with log_folder(MILLION) as folder:
        names = ("flattened_table", "table", "table_on_one_core")
        flattened, table, alone = race_once([(f"audit_scale.{each}", folder) for each in names], 2)
    seconds = statistics.median(run.seconds for run in table)
    return [
        Row(
            f"1,000,000 events to a table ({seconds:.1f} s here): json_normalize / all cores",
            _seconds_ratio(flattened, table),
            "≥ 8",
        ),
        Row("the same: json_normalize / one core", _seconds_ratio(flattened, alone), "≥ 4"),
        Row(
            "the same, memory: kmslab, all processes / json_normalize",
            ratio([run.mebibytes for run in table], [run.mebibytes for run in flattened]),
            "≤ 0.7",
        ),
    ]


def answering() -> list[Figure]:
    """One question to growing folders, by four engines: seconds by the clock on the wall."""
    arms = {
        "json_normalize and pandas": "flattened_answer",
        "kmslab.audit and pandas": "table_answer",
        "Dask on kmslab.audit": "dask_answer",
        "DuckDB": "duckdb_answer",
    }
    lines: dict[str, list[Point]] = {name: [] for name in arms}
    memory: dict[str, list[Point]] = {name: [] for name in arms}
    for events in (10_000, 100_000, MILLION):
        with log_folder(events) as folder:
            chosen = [(f"audit_scale.{function}", folder) for function in arms.values()]
            done = race_once(chosen, 1 if events == MILLION else 3)
        for name, runs in zip(arms, done, strict=True):
            lines[name].append(_point(events, [run.seconds for run in runs]))
            memory[name].append(_point(events, [run.mebibytes for run in runs]))
    slow, quick = (lines[name][-1].median for name in ("json_normalize and pandas", "DuckDB"))
    return [
        Row("1,000,000 events to an answer: json_normalize / DuckDB", one_ratio(slow / quick)),
        Curve(ANSWERS_CURVE, "events", "seconds", lines),
        Curve(MEMORY_CURVE, "events", "MiB", memory),
    ]


def auditing_ten_million() -> list[Figure]:
    """Ten million events to Parquet, against one million; some minutes long."""
    with log_folder(MILLION) as folder, ten_times(folder) as larger:
        one, ten, duck = race_once(
            [
                ("audit_scale.parquet", folder),
                ("audit_scale.parquet", larger),
                ("audit_scale.duckdb_answer", larger),
            ],
            2,
        )
    lines = {
        "kmslab.audit to Parquet": [
            _point(events, [run.seconds for run in runs])
            for events, runs in ((MILLION, one), (10 * MILLION, ten))
        ],
        "DuckDB": [_point(10 * MILLION, [run.seconds for run in duck])],
    }
    return [
        Row("to Parquet, time: 10,000,000 events / 1,000,000", _seconds_ratio(ten, one), "≤ 11"),
        Row(
            f"the same, memory ({statistics.median(run.mebibytes for run in ten):.0f} MiB here)",
            ratio([run.mebibytes for run in ten], [run.mebibytes for run in one]),
            "≤ 1.25",
        ),
        Curve(TEN_MILLION_CURVE, "events", "seconds", lines),
    ]


def _seconds_ratio(numerators: list[Run], denominators: list[Run]) -> Ratio:
    return ratio([run.seconds for run in numerators], [run.seconds for run in denominators])


def _point(x: float, values: list[float]) -> Point:
    return Point(x, statistics.median(values), min(values), max(values))
