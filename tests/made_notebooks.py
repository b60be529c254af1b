"""Small notebooks made for the tests of the gate, so that these need no chapter of the course."""

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kmslab import child, project
from kmslab.learn import build, catalogue, form

NAME = "00_small.ipynb"
SOURCES = [
    "greeting = 'sealed'\nprint(greeting, 6 * 7)\nprint('and said twice')",
    "len(greeting)",
    "import time\nprint(f'measured: {time.perf_counter_ns()} ns')",
    "print('a call takes time:', time.perf_counter_ns() > 0)",
]
LIVE = {"tags": ["live-timing", "nbval-ignore-output"], "reason": "the clock of this machine"}
ROW = {"number": "00", "file": NAME, "title": "Small", "question": "?", "minutes": 1, "claims": []}


def small_notebook() -> Any:
    """A heading and four code cells, the third a live timing; not run yet."""
    cells = [new_markdown_cell("# A small notebook"), *map(new_code_cell, SOURCES)]
    cells[1].metadata = nbformat.from_dict({"tags": ["claim:C01"]})
    cells[3].metadata = nbformat.from_dict(LIVE)
    return new_notebook(cells=cells)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small notebook as `kmslab build` stores it."""
    folder = tmp_path_factory.mktemp("built")
    return build.build(small_notebook(), "*links*", folder)


@pytest.fixture
def built(built_once: Any) -> Any:
    """A copy of it that a test may spoil."""
    return copy.deepcopy(built_once)


@pytest.fixture
def small_course(tmp_path: Path, built: Any) -> tuple[Path, Path]:
    """A folder with the small notebook, its links as they should be, and the list of notebooks."""
    listing = tmp_path / "notebooks.json"
    listing.write_text(json.dumps([ROW]), encoding="utf-8")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    entries = catalogue.load(listing)
    for cell in (built["cells"][0], built["cells"][-1]):
        cell["source"] = catalogue.links(entries[0], entries)
    (folder / NAME).write_text(build.to_text(built), encoding="utf-8")
    return folder, listing


def run_strict_nbval(
    notebooks: dict[str, Any], folder: Path, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the gate over `notebooks`, stored in `folder` beside the project's own conftest."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(project.NOTEBOOKS / "conftest.py", folder / "conftest.py")
    for name, notebook in notebooks.items():
        (folder / name).write_text(build.to_text(notebook), encoding="utf-8")
    strict = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "--color=no"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *strict, "-p", "no:cacheprovider", *options, "."],
        cwd=folder,
        env=child.clean_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def with_one_number_changed(notebook: Any) -> Any:
    """A copy in which one digit of one compared output is another; refused where there is none."""
    spoilt = copy.deepcopy(notebook)
    for cell in form.code_cells(spoilt):
        if not form.has_compared_text(cell):
            continue
        for output in cell["outputs"]:
            holder = output if "text" in output else output.get("data", {})
            for mime in ("text", "text/plain"):
                text = form.joined(holder.get(mime, ""))
                if re.search(r"\d", text):
                    holder[mime] = re.sub(r"\d", _next_digit, text, count=1)
                    return spoilt
    raise ValueError("no compared output of this notebook has a number in it")


def never_run(notebook: Any) -> Any:
    """A copy without outputs and counts, as tools that strip notebooks leave it."""
    stripped = copy.deepcopy(notebook)
    for cell in form.code_cells(stripped):
        cell["outputs"], cell["execution_count"] = [], None
    return stripped


def _next_digit(digit: re.Match[str]) -> str:
    return str((int(digit[0]) + 1) % 10)
