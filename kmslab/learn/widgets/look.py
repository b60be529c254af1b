"""One look for all widgets: sizes, colours, symbols, and a focus that can be seen.

A colour never says anything alone: a word or a symbol beside it says the same. It knows how
things look, and nothing of what they mean.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from kmslab.learn.style import INK, PALETTE

BLUE, ORANGE, GREEN, _, _, VERMILION, _ = PALETTE

_STYLE = f"""<style>
.kmslab, .kmslab .widget-html-content {{ font-size: 14px; line-height: 1.45;
  color: var(--jp-content-font-color1, {INK}); }}
.kmslab {{ padding: 6px; }}
.kmslab, .kmslab .widget-box {{ overflow: visible !important; }}
.kmslab .widget-html-content {{ overflow-wrap: anywhere; }}
.kmslab button, .kmslab input {{ font-size: 14px; }}
.kmslab textarea, .kmslab pre {{ font-family: var(--jp-code-font-family, monospace);
  font-size: 13px; line-height: 1.35; }}
.kmslab button:focus, .kmslab input:focus, .kmslab textarea:focus {{
  outline: 3px solid {BLUE} !important; outline-offset: 2px; }}
.kmslab .widget-textarea {{ flex-direction: column; align-items: stretch; }}
.kmslab .widget-textarea label {{ text-align: left; font-weight: 600; }}
.kmslab .widget-toggle-button {{ width: auto; padding: 0 8px; }}
.kmslab .widget-toggle-button.mod-active {{ font-weight: 600; }}
.kmslab .widget-toggle-button.mod-active::before {{ content: "✓ "; }}
.kmslab pre {{ margin: 4px 0; white-space: pre-wrap; }}
.kmslab-title {{ font-size: 17px; font-weight: 600; margin: 8px 0 4px; }}
.kmslab p {{ margin: 4px 0; }}
.kmslab .kmslab-small, .kmslab .kmslab-detail {{ font-size: 13px; }}
.kmslab .kmslab-detail {{ display: block; padding-left: 1.3em; }}
.kmslab ul {{ list-style: none; margin: 4px 0; padding: 0; }}
.kmslab li {{ margin: 3px 0; }}
.kmslab-box {{ border: 1px solid var(--jp-border-color1, #bdbdbd); padding: 6px 10px;
  margin: 6px 0; border-left-width: 6px; border-left-style: solid; }}
.kmslab-boxes {{ display: grid; gap: 8px; margin: 6px 0; grid-template-columns: repeat(auto-fit,
  minmax(210px, 1fr)); }}
.kmslab-boxes .kmslab-box {{ margin: 0; }}
.kmslab .kmslab-grid {{ overflow-x: auto; margin: 6px 0; }}
.kmslab .kmslab-grid table {{ width: 100%; border-collapse: collapse; font-size: 13px; }}
.kmslab .kmslab-grid th, .kmslab .kmslab-grid td {{ text-align: left; vertical-align: top;
  padding: 2px 8px 2px 0; border-bottom: 1px solid var(--jp-border-color2, #e0e0e0); }}
.kmslab .kmslab-grid th {{ overflow-wrap: normal; }}
.kmslab .kmslab-tree ul {{ margin: 0 0 4px 6px; padding-left: 10px;
  border-left: 1px solid var(--jp-border-color1, #bdbdbd); }}
</style>"""


def style_sheet() -> widgets.HTML:
    """The rules of the look, for the first place in a widget of class `kmslab`."""
    return widgets.HTML(_STYLE, layout=widgets.Layout(display="none"))


def button(label: str, tooltip: str, style: str = "") -> widgets.Button:
    layout = widgets.Layout(width="auto", margin="2px 8px 2px 2px")
    return widgets.Button(description=label, tooltip=tooltip, button_style=style, layout=layout)


def text(label: str, tooltip: str) -> widgets.Text:
    """A text box that shares its row with others."""
    layout = widgets.Layout(flex="1 1 0", width="auto", min_width="0")
    style = {"description_width": "52px"}
    return widgets.Text(description=label, tooltip=tooltip, layout=layout, style=style)


def field(label: str, tooltip: str, placeholder: str) -> widgets.Text:
    """A text box with a row of its own; the placeholder shows how to fill it."""
    return widgets.Text(placeholder=placeholder, **_of_a_row(label, tooltip))


def choice(label: str, tooltip: str, options: Sequence[tuple[str, Any]]) -> widgets.ToggleButtons:
    """Buttons of which one is pressed; `options` are the words shown and what they stand for.

    No Dropdown: JupyterLab takes arrow keys and letters away from it, and moves its cells.
    """
    return widgets.ToggleButtons(options=options, **_of_a_row(label, tooltip))


def tick(label: str, tooltip: str) -> widgets.Checkbox:
    tick = widgets.Checkbox(indent=False, **_of_a_row(label, tooltip))
    # The frame that shows the focus needs room.
    tick.layout.margin = "4px 6px"
    return tick


def editor(label: str, tooltip: str, rows: int) -> widgets.Textarea:
    """A text of many lines, under its label."""
    return widgets.Textarea(rows=rows, **_of_a_row(label, tooltip))


def _of_a_row(label: str, tooltip: str) -> dict[str, Any]:
    layout = widgets.Layout(width="auto", min_width="0")
    style = {"description_width": "126px"}
    return {"description": label, "tooltip": tooltip, "layout": layout, "style": style}


def framed(colour: str, parts: Iterable[widgets.Widget]) -> widgets.VBox:
    """Controls in a frame of their own; the colour only repeats what the first of them says."""
    layout = widgets.Layout(border_left=f"6px solid {colour}", padding="2px 8px")
    return widgets.VBox(list(parts), layout=layout)


def side_by_side() -> widgets.Layout:
    """Side by side where there is room, and below one another where there is not."""
    columns = "repeat(auto-fit, minmax(300px, 1fr))"
    return widgets.Layout(display="grid", grid_template_columns=columns, grid_gap="8px")


def title(words: str) -> str:
    return f'<div class="kmslab-title">{escape(words)}</div>'


def paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def small(words: str) -> str:
    return f'<p class="kmslab-small">{escape(words)}</p>'


def line(words: str, detail: str = "") -> str:
    """A line for a box, with its detail in small under it."""
    under = f'<span class="kmslab-detail">{escape(detail)}</span>' if detail else ""
    return f"<li>{escape(words)}{under}</li>"


def box(colour: str, heading: str, lines: Iterable[str]) -> str:
    """A framed list of lines under a heading; the colour only repeats what the heading says."""
    return (
        f'<div class="kmslab-box" style="border-left-color: {colour}">'
        f"<b>{escape(heading)}</b><ul>{''.join(lines)}</ul></div>"
    )


def lines_of_code(lines: str) -> str:
    """Lines that stand as they were typed."""
    return f"<pre>{escape(lines)}</pre>"


def branch(words: str, twigs: Iterable[str]) -> str:
    """A branch of a tree: words, and lines below it, further in."""
    return f"<li><b>{escape(words)}</b><ul>{''.join(twigs)}</ul></li>"


def tree(branches: Iterable[str]) -> str:
    return f'<ul class="kmslab-tree">{"".join(branches)}</ul>'


def boxes(parts: Iterable[str]) -> str:
    """Boxes side by side where there is room, and below one another where there is not."""
    return f'<div class="kmslab-boxes">{"".join(parts)}</div>'


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that is as wide as there is room; long names break behind their marks."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    lines = ("".join(f"<td>{_breakable(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="kmslab-grid"><table>{inside}</table></div>'


def _breakable(words: str) -> str:
    return re.sub(r"(?<=[/:._-])(?=\w)", "<wbr>", escape(words))


def page(*parts: str) -> str:
    """Parts of a view, as a region that a screen reader reads out again when it changes."""
    return f'<div role="status">{"".join(parts)}</div>'
