"""What a run of the benchmarks leaves: rows that are printed, a record, and RESULTS.md.

`records/results.json` holds the newest figures of each part with the machine they were measured
on; a run of some parts replaces these parts and leaves the others. RESULTS.md and its pictures are
drawn from that file alone. How things are measured is not known here.
"""

import json
import os
import platform
import ssl
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.race import Ratio

FOLDER = Path(__file__).resolve().parent
RECORD = FOLDER / "records" / "results.json"
RESULTS = FOLDER / "RESULTS.md"

_LIBRARIES = ("boto3", "cryptography", "pandas", "msgspec", "moto")


class Row(NamedTuple):
    """One line of the table. `asked` reads like "≤ 1.25"; it is "" where nothing was asked."""

    figure: str
    measured: Ratio
    asked: str = ""

    def verdict(self) -> str:
        if not self.asked:
            return ""
        bound = float(self.asked[2:])
        median = self.measured.median
        met = median <= bound if self.asked.startswith("≤") else median >= bound
        return "met" if met else "missed"


class Point(NamedTuple):
    """One place of a curve: the median of what was measured there, and the middle half."""

    x: float
    median: float
    low: float
    high: float


class Curve(NamedTuple):
    """How something grows: one line for each name. It is kept for pictures and notebooks."""

    title: str
    x: str
    y: str
    lines: dict[str, list[Point]]


class Absent(NamedTuple):
    """A line that could not be measured here, and why. It is printed and not kept."""

    figure: str
    reason: str


Figure = Row | Curve | Absent


def machine() -> dict[str, str]:
    """What the figures depend on besides the code."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION,
        "libraries": ", ".join(_named(name) for name in _LIBRARIES),
    }


def _named(library: str) -> str:
    """With its version. What is only raced against may be absent."""
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"no {library}"


def keep(part: str, figures: Sequence[Figure], seconds: float) -> None:
    """Put a part's figures into the record, in place of its older ones."""
    record = recorded()
    record[part] = {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(seconds),
        "machine": machine(),
        "rows": [_as_entry(each) for each in figures if isinstance(each, Row)],
        "curves": [_as_curve(each) for each in figures if isinstance(each, Curve)],
    }
    RECORD.parent.mkdir(exist_ok=True)
    # The parts by name; the lines of a curve as they were given, which is the order of a legend.
    by_name = dict(sorted(record.items()))
    RECORD.write_text(json.dumps(by_name, indent=1, ensure_ascii=False) + "\n")


def recorded() -> dict[str, Any]:
    """The record: what each part measured when it last ran."""
    if not RECORD.exists():
        return {}
    read: dict[str, Any] = json.loads(RECORD.read_text())
    return read


def write_results(order: Iterable[str]) -> None:
    """Write RESULTS.md from the record, its parts in this order."""
    record = recorded()
    lines = [_HEAD]
    machines: list[dict[str, str]] = []
    for part in order:
        if part not in record:
            continue
        entry = record[part]
        if entry["machine"] not in machines:
            machines.append(entry["machine"])
        lines += _section(part, entry, machines.index(entry["machine"]) + 1)
    lines += ["## Machines", ""]
    for number, described in enumerate(machines, 1):
        words = "; ".join(f"{name}: {value}" for name, value in described.items())
        lines += [f"{number}. {words}"]
    RESULTS.write_text("\n".join(lines) + "\n")


_HEAD = """# Results of the benchmarks

Written by `make bench`; do not edit. Every row is a ratio of things measured in turn in the same
run, as a median with the middle half of the rounds: the ratios hold on other machines, the times
that some rows name in passing and that the pictures show do not. What is asked is what the project
set itself before.
"""


def _section(part: str, entry: dict[str, Any], machine_number: int) -> list[str]:
    about = f"Measured {entry['measured']} on machine {machine_number}, in {entry['seconds']} s."
    lines = [f"## {part}", "", about, "", "| figure | measured | asked | |", "|---|---|---|---|"]
    for row in entry["rows"]:
        ratio = Ratio(row["median"], row["low"], row["high"])
        lines.append(f"| {row['figure']} | {ratio} | {row['asked']} | {row['verdict']} |")
    for curve in entry["curves"]:
        # matplotlib is needed for this alone.
        from benchmarks.pictures import draw

        path = draw(part, curve, RECORD.parent)
        shown = f"{curve['title']}: {curve['y']} by {curve['x']}"
        lines += ["", f"![{shown}]({RECORD.parent.name}/{path.name})"]
    return [*lines, ""]


def _as_entry(row: Row) -> dict[str, Any]:
    rounded = {name: _rounded(value) for name, value in row.measured._asdict().items()}
    return {"figure": row.figure, **rounded, "asked": row.asked, "verdict": row.verdict()}


def _as_curve(curve: Curve) -> dict[str, Any]:
    lines = {
        name: [[point.x, *map(_rounded, point[1:])] for point in points]
        for name, points in curve.lines.items()
    }
    return {**curve._asdict(), "lines": lines}


def _rounded(value: float) -> float:
    """Four digits say all that a measurement can."""
    return float(f"{value:.4g}")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"
