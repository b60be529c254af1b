"""What a committed notebook must look like, so that its stored outputs are evidence.

nbval compares outputs, and some things slip past it: cells that were never run, cells that opted
out, images. The rules here close those holes; notebooks/conftest.py and the tests ask them. They
read notebooks as plain nbformat dictionaries and know nothing of what a notebook teaches.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

Cell = dict[str, Any]
Notebook = dict[str, Any]

LIVE_TIMING = "live-timing"
IGNORE_OUTPUT = "nbval-ignore-output"
LINKS = "links"
CLAIM = "claim:"

MOST_LINES = 20
MOST_BYTES = 200_000
MOST_PNG_BYTES = 40_000

_OPT_OUT_COMMENT = re.compile(r"#\s*(?:NBVAL_|PYTEST_VALIDATE_)\w+")
_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_WORDS = ("text/plain", "text/html", "text/markdown")


def problems(notebook: Notebook) -> Iterator[str]:
    """Every rule that this notebook breaks, one plain sentence each."""
    yield from _counts(notebook)
    yield from _timestamps(notebook)
    yield from _sizes(notebook)
    yield from _image_evidence(notebook)
    for cell in code_cells(notebook):
        for problem in (never_run(cell), opted_out(cell), _stored_error(cell), _too_long(cell)):
            if problem:
                yield f"{_name(cell)}: {problem}"


def never_run(cell: Cell) -> str | None:
    if source(cell).strip() and cell["execution_count"] is None:
        return "was never run, so nothing would be compared"
    return None


def opted_out(cell: Cell) -> str | None:
    """Whether the cell asks nbval to look away without the right to do so.

    Only a `live-timing` cell may, because measured times differ on every run; it carries nbval's
    tag as well and says in its metadata, under "reason", what is measured.
    """
    if _OPT_OUT_COMMENT.search(source(cell)):
        return "opts out of the comparison in a comment; use the tags, which are checked"
    tags = cell_tags(cell)
    asked = {tag for tag in tags if tag.startswith("nbval-") or tag == "raises-exception"}
    if LIVE_TIMING not in tags:
        return f"opts out of the comparison: {', '.join(sorted(asked))}" if asked else None
    if asked != {IGNORE_OUTPUT}:
        return f"is {LIVE_TIMING} and must be tagged {IGNORE_OUTPUT}, and nothing else of nbval's"
    if not str(cell["metadata"].get("reason", "")).strip():
        return f"is {LIVE_TIMING} and does not say in metadata.reason what is measured"
    return None


def claims(notebook: Notebook) -> set[str]:
    """The claims tagged on cells that were run and whose output is compared as text."""
    return {
        tag.removeprefix(CLAIM)
        for cell in code_cells(notebook)
        if has_compared_text(cell)
        for tag in cell_tags(cell)
        if tag.startswith(CLAIM)
    }


def has_compared_text(cell: Cell) -> bool:
    if LIVE_TIMING in cell_tags(cell) or cell["execution_count"] is None:
        return False
    return any(_is_text(output) for output in cell["outputs"])


def code_cells(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def cell_tags(cell: Cell) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def source(cell: Cell) -> str:
    return joined(cell["source"])


def joined(text: str | list[str]) -> str:
    """nbformat stores text as one string or as a list of lines; both are the same text."""
    return text if isinstance(text, str) else "".join(text)


def _counts(notebook: Notebook) -> Iterator[str]:
    counts = [cell["execution_count"] for cell in code_cells(notebook) if source(cell).strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield f"was not run top to bottom in one go; its execution counts are {counts}"


def _timestamps(notebook: Notebook) -> Iterator[str]:
    if "widgets" in notebook["metadata"]:
        yield "stores widget state, whose ids are random"
    for cell in notebook["cells"]:
        if "execution" in cell["metadata"]:
            yield f"{_name(cell)}: stores the times of its execution"


def _sizes(notebook: Notebook) -> Iterator[str]:
    size = len(json.dumps(notebook, ensure_ascii=False, indent=1).encode())
    if size > MOST_BYTES:
        yield f"has {size} bytes, more than {MOST_BYTES}"
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            png = len(base64.b64decode(joined(output.get("data", {}).get("image/png", ""))))
            if png > MOST_PNG_BYTES:
                yield f"{_name(cell)}: has a PNG of {png} bytes, more than {MOST_PNG_BYTES}"


def _image_evidence(notebook: Notebook) -> Iterator[str]:
    # Images are not compared, so an image alone could show anything: the cell itself or the next
    # one must say the same in words that are compared.
    cells = code_cells(notebook)
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        shown = any(_has_image(output) for output in cell["outputs"])
        said = has_compared_text(cell) or (following is not None and has_compared_text(following))
        if shown and not said:
            yield f"{_name(cell)}: shows an image with no compared text in it or after it"


def _stored_error(cell: Cell) -> str | None:
    names = [str(out.get("ename")) for out in cell["outputs"] if out["output_type"] == "error"]
    return f"stores an error: {', '.join(names)}" if names else None


def _too_long(cell: Cell) -> str | None:
    lines = len(source(cell).splitlines())
    return f"has {lines} lines, more than {MOST_LINES}" if lines > MOST_LINES else None


def _has_image(output: dict[str, Any]) -> bool:
    return any(mime in output.get("data", {}) for mime in _IMAGES)


def _is_text(output: dict[str, Any]) -> bool:
    if output["output_type"] == "stream":
        return bool(joined(output["text"]).strip())
    bundle = output.get("data", {})
    return not _has_image(output) and any(joined(bundle.get(mime, "")).strip() for mime in _WORDS)


def _name(cell: Cell) -> str:
    first = next((line for line in source(cell).splitlines() if line.strip()), "(empty)")
    return f"cell {cell.get('id', '?')} ({first[:50]})"
