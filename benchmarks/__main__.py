"""`python -m benchmarks [PART ...]`: run all races, or some, and print one table.

Each line is a ratio, with what the project asks of it. `--write` keeps the figures in
`records/results.json` and writes RESULTS.md anew.
"""

import argparse
import platform
import sys
import time

from benchmarks import race
from benchmarks.parts import FULL, PARTS
from benchmarks.results import Absent, Row, keep, write_results


def main() -> int:
    chosen = _arguments()
    race.rounds_factor = chosen.rounds
    print(f"Python {platform.python_version()}, {platform.machine()}; medians (middle half)")
    every = {**PARTS, **FULL}
    for part in chosen.parts or (every if chosen.full else PARTS):
        began = time.perf_counter()
        figures = every[part]()
        for row in figures:
            if isinstance(row, Row):
                asked = f"asked {row.asked:8}" if row.asked else ""
                line = f"{row.figure:62}{row.measured!s:>22}   {asked}{row.verdict()}"
                print(line.rstrip(), flush=True)
            elif isinstance(row, Absent):
                print(f"{row.figure:62}not measured: {row.reason}", flush=True)
        if chosen.write:
            keep(part, figures, time.perf_counter() - began)
            write_results(every)
    return 0


def _arguments() -> argparse.Namespace:
    known = [*PARTS, *FULL]
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(known)}")
    parser.add_argument("--rounds", type=float, default=1.0, help="how many times the usual rounds")
    parser.add_argument("--full", action="store_true", help=f"with {', '.join(FULL)}")
    parser.add_argument("--write", action="store_true", help="keep the figures, write RESULTS.md")
    chosen = parser.parse_args()
    for part in chosen.parts:
        if part not in known:
            parser.error(f"there is no part {part!r}; there are {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
