"""Run the canonical notebooks and store their outputs so that two builds are the same bytes.

What differs from run to run for no reason of the notebook's own is taken out: times, widget ids,
metadata of the editor. With `check` nothing is written; the new build is compared with what is
stored. It knows how a notebook is run and stored, and nothing of what it teaches.
"""

import difflib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from kmslab import child, project
from kmslab.learn import catalogue, form

CELL_TIMEOUT = 120
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT_CELL_METADATA = ("tags", "reason")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main(
    numbers: Sequence[str],
    *,
    check: bool = False,
    folder: Path = project.NOTEBOOKS,
    listing: Path = project.NOTEBOOK_LIST,
) -> int:
    """Build the notebooks with these numbers, or all; 1 when one fails or differs."""
    entries = catalogue.load(listing)
    chosen = _chosen(entries, numbers)
    return max([_build_one(entry, entries, folder, check) for entry in chosen], default=0)


def build(notebook: form.Notebook, links: str, folder: Path) -> form.Notebook:
    """A new notebook: the same cells between fresh links, run in order in `folder`."""
    fresh = nbformat.from_dict({**notebook, "metadata": NOTEBOOK_METADATA})
    fresh.nbformat, fresh.nbformat_minor = 4, 5
    fresh.cells = _between_links(list(fresh.cells), links)
    for place, cell in enumerate(fresh.cells, start=1):
        _strip(cell, f"c{place:02}")
    _execute(fresh, folder)
    _settle(fresh)
    return cast(form.Notebook, fresh)


def to_text(notebook: form.Notebook) -> str:
    return str(nbformat.writes(nbformat.from_dict(notebook))).rstrip("\n") + "\n"


def difference(stored: str, built: str, name: str) -> str:
    """A unified diff whose long lines (images) are cut short."""
    lines = difflib.unified_diff(
        stored.splitlines(), built.splitlines(), f"{name} as stored", f"{name} as built now", "", ""
    )
    return "\n".join(line if len(line) <= 160 else line[:157] + "..." for line in lines)


def _chosen(entries: list[catalogue.Entry], numbers: Sequence[str]) -> list[catalogue.Entry]:
    known = {entry.number: entry for entry in catalogue.written(entries)}
    unknown = [number for number in numbers if number not in known]
    if unknown:
        raise ValueError(f"no such notebook: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[number] for number in numbers] if numbers else list(known.values())


def _build_one(
    entry: catalogue.Entry, entries: list[catalogue.Entry], folder: Path, check: bool
) -> int:
    path = folder / entry.file
    try:
        stored = nbformat.read(path, as_version=4)
        built = build(stored, catalogue.links(entry, entries), folder)
    except FileNotFoundError:
        print(f"{entry.file}: listed in data/notebooks.json, not in the folder")
        return 1
    except CellExecutionError as failed:
        print(f"{entry.file}: a cell failed\n{failed}")
        return 1
    if not check:
        path.write_text(to_text(built), encoding="utf-8", newline="\n")
        print(f"{entry.file}: built")
        return 0
    return _compare(entry.file, path.read_text(encoding="utf-8"), stored, built)


def _compare(name: str, text: str, stored: form.Notebook, built: form.Notebook) -> int:
    built_text = to_text(_with_stored_timings(stored, built))
    if built_text == text:
        print(f"{name}: a new build is the same")
        return 0
    print(f"{name}: a new build differs; `python -m kmslab build {name[:2]}` stores it")
    print(difference(text, built_text, name))
    return 1


def _with_stored_timings(stored: form.Notebook, built: form.Notebook) -> form.Notebook:
    """Measured times differ on every run: those cells are compared in everything but outputs."""
    outputs = {cell.get("id"): cell["outputs"] for cell in form.code_cells(stored)}
    for cell in form.code_cells(built):
        if form.LIVE_TIMING in form.cell_tags(cell) and cell["id"] in outputs:
            cell["outputs"] = outputs[cell["id"]]
    return built


def _between_links(cells: list[Any], links: str) -> list[Any]:
    inner = [cell for cell in cells if form.LINKS not in form.cell_tags(cell)]
    return [_links_cell(links), *inner, _links_cell(links)]


def _links_cell(links: str) -> Any:
    return nbformat.v4.new_markdown_cell(links, metadata={"tags": [form.LINKS]})


def _strip(cell: Any, identity: str) -> None:
    cell["id"] = identity
    kept = {name: cell.metadata[name] for name in KEPT_CELL_METADATA if name in cell.metadata}
    cell.metadata = nbformat.from_dict(kept)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def _execute(notebook: Any, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        # A learner's own IPython start-up files must not speak in the stored outputs.
        environment = {**child.clean_environment(), "IPYTHONDIR": profile}
        manager = AsyncKernelManager(kernel_name="python3")
        manager.kernel_spec_manager = _ThisPython()
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=CELL_TIMEOUT,
            record_timing=False,
            resources={"metadata": {"path": os.fspath(folder)}},
        )
        # The kernel's own log, not what cells print: a dying kernel is told by nbclient.
        client.execute(env=environment, stderr=subprocess.DEVNULL)


class _ThisPython(KernelSpecManager):
    """Kernels run on the Python that builds, whatever else calls itself python3 here."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


def _settle(notebook: Any) -> None:
    """Counts from 1, streams in one piece, no random ids."""
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    run = [cell for cell in form.code_cells(notebook) if form.source(cell).strip()]
    for count, cell in enumerate(run, start=1):
        cell["execution_count"] = count
        cell["metadata"].pop("execution", None)
        cell["outputs"] = _joined_streams(cell["outputs"])
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count
            if WIDGET in output.get("data", {}):
                output["data"][WIDGET]["model_id"] = "0" * 32


def _joined_streams(outputs: list[Any]) -> list[Any]:
    # How a long print is cut into messages depends on timing.
    joined: list[Any] = []
    for output in outputs:
        if joined and _same_stream(joined[-1], output):
            joined[-1]["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def _same_stream(one: Any, other: Any) -> bool:
    both_streams = one["output_type"] == other["output_type"] == "stream"
    return both_streams and bool(one["name"] == other["name"])
