"""The learner's own copies of the notebooks, in work/, and the JupyterLab that opens them.

A copy that exists is the learner's and is never touched. Nothing here runs a notebook.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from kmslab import child, project

FIRST = "00_start_here.ipynb"


def copy_notebooks(source: Path = project.NOTEBOOKS, work: Path = project.WORK) -> list[str]:
    """Copy each notebook that `work` does not have yet; return the names of those copied."""
    work.mkdir(exist_ok=True)
    absent = [path for path in sorted(source.glob("*.ipynb")) if not (work / path.name).exists()]
    for path in absent:
        shutil.copyfile(path, work / path.name)
    return [path.name for path in absent]


def jupyterlab_command(
    no_browser: bool, arguments: Sequence[str], work: Path = project.WORK
) -> list[str]:
    # The address rather than the file name is given, because JupyterLab prints it: what a learner
    # copies from the terminal opens notebook 00 as well.
    command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={work}"]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    return [*command, *(["--no-browser"] if no_browser else []), *arguments]


def open_jupyterlab(no_browser: bool, arguments: Sequence[str]) -> int:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return child.run(jupyterlab_command(no_browser, arguments), environment=environment)
