"""The key console: a table of keys with their states, a button for each action, and a clock.

Every button can always be pressed; what is not allowed at the moment AWS refuses, in its own words.
What is done and seen stands in `KeyDesk`; here stand the controls and the look.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError, Unicode, validate

from kmslab.lab import Lab
from kmslab.learn.counts import counted
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.key_desk import ACTIONS, NOT_DONE, OK, WAITS, KeyDesk, Outcome, Seen

_COLUMNS = ("key", "state", "ciphertexts", "material", "next rotation", "deletion", "last use")
_MARKS = {"Enabled": "●", "Disabled": "○", "PendingDeletion": "◐", "gone": "✗"}
_SYMBOLS = {OK: ("✓", look.GREEN), NOT_DONE: ("–", look.BLUE)}
_LEGEND = "▶ selected · ● enabled · ○ disabled · ◐ waits for its deletion · ✗ deleted for good"
_STYLE = f"""<style>
.widget-html-content:has(.kmslab-wide) {{ min-width: 0; }}
.kmslab-wide {{ overflow-x: auto; }}
.kmslab-wide:focus {{ outline: 3px solid {look.BLUE}; }}
.kmslab-keys {{ border-collapse: collapse; width: 100%; }}
.kmslab-keys th, .kmslab-keys td {{ padding: 3px 8px 3px 0; text-align: left; font-size: 13px;
  border-bottom: 1px solid var(--jp-border-color1, #bdbdbd); vertical-align: top;
  overflow-wrap: normal; }}
.kmslab-keys .kmslab-selected {{ font-weight: 700; }}
.kmslab .widget-toggle-buttons button:focus {{ outline: 3px solid {look.BLUE}; }}
</style>"""


class KeyConsole(widgets.VBox):  # type: ignore[misc]
    """See `key_console`. `selected` is a key id, `verdict` what came of the last action; `view` and
    `grid` are HTML."""

    selected = Unicode("")
    verdict = Unicode("", read_only=True)

    def __init__(self, desk: KeyDesk) -> None:
        self._desk = desk
        self._outcomes: list[Outcome] = []
        self._buttons = {action: look.button(action, action) for action in ACTIONS}
        self._waits = {days: _wait_button(days) for days in WAITS}
        self._choice = look.choice("key", "Which key the buttons are for", [])
        self.grid, self.view = widgets.HTML(), widgets.HTML()
        clock = [widgets.Label("move the clock"), *self._waits.values()]
        rows = [_row(self._buttons.values()), _row(clock)]
        super().__init__([look.style_sheet(), self._choice, *rows, self.view, self.grid])
        self.add_class("kmslab")
        for button in self._buttons.values():
            button.on_click(self._pressed)
        for days, button in self._waits.items():
            button.on_click(lambda _, days=days: self._waited(days))
        self._choice.observe(self._chosen, names="value")
        self.observe(self._selected, names="selected")
        self._show()

    # --- What a cell does, as a hand would --------------------------------------------------

    def press(self, action: str) -> str:
        """The same as a click on the button with these words; what came of it in a line. Raises
        ValueError for words that are on no button."""
        if action not in self._buttons:
            raise ValueError(f"there is no button {action!r}, only {list(self._buttons)}")
        self._buttons[action].click()
        return self._last()

    def wait(self, days: int) -> str:
        """Move the lab's clock on by any number of days; what came of it in a line."""
        self._waited(days)
        return self._last()

    def table(self) -> MarkdownText:
        """The keys as text, as they were at the last action."""
        rows = [
            (_marked(seen.name, key_id == self.selected), _state(seen.state), *seen[2:])
            for key_id, seen in self._seen.items()
        ]
        return table(_COLUMNS, rows)

    def history(self) -> MarkdownText:
        """Every action so far: what came of it, and what was recorded."""
        rows = [(each.action, each.verdict, each.words, each.recorded) for each in self._outcomes]
        return table(("action", "outcome", "what it means", "recorded by CloudTrail"), rows)

    def __repr__(self) -> str:
        states = ", ".join(f"{seen.name} {seen.state}" for seen in self._seen.values())
        return f"KeyConsole on {self._desk.time()}: {states or 'no keys'}"

    # --- Inside -----------------------------------------------------------------------------

    def _pressed(self, button: widgets.Button) -> None:
        self._done(self._desk.act(button.description))

    def _waited(self, days: int) -> None:
        self._done(self._desk.wait(days))

    def _done(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._show()
        self.set_trait("verdict", outcome.verdict)

    def _chosen(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.selected = change["new"]

    @validate("selected")
    def _known(self, proposal: dict[str, Any]) -> str:
        key_id: str = proposal["value"]
        if key_id and key_id not in self._desk.names:
            raise TraitError(f"there is no key {key_id!r} here, only {list(self._desk.names)}")
        return key_id

    def _selected(self, _: object) -> None:
        self._desk.selected = self.selected
        self._choice.value = self.selected
        self._draw()

    def _show(self) -> None:
        """See what the keys are like now, and show it."""
        self._seen = self._desk.look()
        selected = self._desk.selected
        options = [(name, key_id) for key_id, name in self._desk.names.items()]
        if list(self._choice.options) != options:
            # Which chooses the first of them, for a moment.
            self._choice.options = options
        self.selected = self._desk.selected = selected
        self._draw()

    def _draw(self) -> None:
        self.view.value = look.page(look.title(f"{self._desk.time()}"), self._outcome())
        rows = "".join(self._grid_row(key_id, seen) for key_id, seen in self._seen.items())
        heads = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
        self.grid.value = (
            f'{_STYLE}<div class="kmslab-wide" tabindex="0" role="region" aria-label="The keys">'
            f'<table class="kmslab-keys"><tr>{heads}</tr>{rows}</table></div>{look.small(_LEGEND)}'
        )

    def _grid_row(self, key_id: str, seen: Seen) -> str:
        chosen = key_id == self.selected
        cells = "".join(f"<td>{escape(words)}</td>" for words in (_state(seen.state), *seen[2:]))
        kind = ' class="kmslab-selected"' if chosen else ""
        return f'<tr{kind}><th scope="row">{escape(_marked(seen.name, chosen))}</th>{cells}</tr>'

    def _outcome(self) -> str:
        if not self._outcomes:
            return look.paragraph("Nothing done yet.")
        last = self._outcomes[-1]
        symbol, colour = _SYMBOLS.get(last.verdict, ("✗", look.VERMILION))
        lines = [look.line(last.words), look.line(f"Recorded by CloudTrail: {last.recorded}.")]
        return look.box(colour, f"{symbol} {last.action}: {last.verdict}", lines)

    def _last(self) -> str:
        last = self._outcomes[-1]
        return f"{last.action}: {last.verdict}. {last.words}"


def key_console(lab: Lab, kms: Any = None) -> KeyConsole:
    """The keys that a client of `lab` sees, with buttons for what one does with them.

    `kms` is by default the administrator's client. `press("Disable")` and `wait(days=30)` are the
    same as a click, and `selected` can be set by the next cell as well; `verdict` is then "ok" or
    AWS's error code. Looking makes calls too, which the trail records like any other.
    """
    return KeyConsole(KeyDesk(lab, kms or lab.client("kms")))


def _row(parts: Iterable[widgets.Widget]) -> widgets.Box:
    return widgets.Box(list(parts), layout=widgets.Layout(flex_flow="row wrap"))


def _marked(name: str, selected: bool) -> str:
    return f"▶ {name}" if selected else name


def _state(state: str) -> str:
    return f"{_MARKS.get(state, '◌')} {state}"


def _wait_button(days: int) -> widgets.Button:
    waited = counted(days, "day")
    return look.button(f"+{waited}", f"Move the lab's clock on by {waited}")
