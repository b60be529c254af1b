"""The audit explorer: a long table of calls, and fields that leave those that are asked for.

Every letter that is typed counts at once. What fits is decided elsewhere (`audit_filter`); here
stand the controls and the look. The rows that are left can be worked on in the next cell.
"""

from typing import Any

import ipywidgets as widgets
import pandas
from traitlets import Int

from kmslab import audit
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.audit_filter import OUTCOMES, Unreadable, Wanted

PAGE = 12
_HEADINGS = ("time (UTC)", "who", "call", "on what", "outcome", "from")


class AuditExplorer(widgets.VBox):  # type: ignore[misc]
    """See `audit_explorer`. `found` is the number of calls that fit, `view` is HTML."""

    found = Int(0, read_only=True)

    def __init__(self, calls: pandas.DataFrame) -> None:
        self._calls = calls
        self._page = 0
        self._fields = {
            "actor": look.field("who", "Words of a principal or role", "report  or  role/backup"),
            "key": look.field("key", "Words of a key's ARN or alias", "customers"),
            "operation": look.field("operation", "Words of an operation", "kms:Decrypt"),
            "address": look.field("address", "Where calls came from", "203.0.113"),
            "outcome": look.choice("outcome", "What became of it", [(o, o) for o in OUTCOMES]),
            "since": look.field("since", "The first moment that counts", "13:05"),
            "until": look.field("until", "The last moment that counts", "13:30"),
        }
        self._earlier = look.button("Earlier calls", "The page before")
        self._later = look.button("Later calls", "The page after")
        self.view = widgets.HTML()
        first, second = list(self._fields.values())[:4], list(self._fields.values())[4:]
        fields = widgets.Box([widgets.VBox(first), widgets.VBox(second)])
        fields.layout = look.side_by_side()
        pages = widgets.HBox([self._earlier, self._later])
        super().__init__([look.style_sheet(), fields, self.view, pages])
        self.add_class("kmslab")
        for control in self._fields.values():
            control.observe(self._ask, names="value")
        self._earlier.on_click(lambda _: self.turn(-1))
        self._later.on_click(lambda _: self.turn(1))
        self._ask()

    # --- What a cell does, as a hand would ------------------------------------------------

    def ask(self, **typed: str) -> "AuditExplorer":
        """Fill fields: `actor`, `key`, `operation`, `address`, `outcome` ("any", "ok", "denied",
        "failed"), `since`, `until`. Those that are not named become empty. Raises TypeError for a
        field that there is not, ValueError for an outcome that there is not."""
        wanted = Wanted(**typed)
        if wanted.outcome not in OUTCOMES:
            raise ValueError(f"outcome is one of {OUTCOMES}, not {wanted.outcome!r}")
        for name, text in wanted._asdict().items():
            self._fields[name].value = text
        return self

    def turn(self, pages: int) -> None:
        """Turn pages on, or back where below zero; at the ends nothing happens."""
        last = max(0, (len(self.rows) - 1) // PAGE)
        self._page = min(max(self._page + pages, 0), last)
        self._show()

    # --- What it shows ----------------------------------------------------------------------

    @property
    def wanted(self) -> Wanted:
        """What stands in the fields."""
        return Wanted(**{name: str(field.value) for name, field in self._fields.items()})

    @property
    def rows(self) -> pandas.DataFrame:
        """The rows that fit, with all columns; none where a time cannot be read."""
        return self._rows.copy()

    def table(self) -> MarkdownText:
        """What is shown, as text."""
        shown = table(_HEADINGS, self._cells())
        return MarkdownText(f"**{self._words()}**\n\n{shown}")

    def __repr__(self) -> str:
        return f"AuditExplorer: {self._words()}"

    # --- Inside -----------------------------------------------------------------------------

    def _ask(self, _: object = None) -> None:
        self._problem = ""
        try:
            self._rows = self.wanted.rows(self._calls)
        except Unreadable as problem:
            self._rows, self._problem = self._calls.iloc[:0], str(problem)
        self._page = 0
        self.set_trait("found", len(self._rows))
        self._show()

    def _show(self) -> None:
        more = len(self._rows) > PAGE
        last = (self._page + 1) * PAGE >= len(self._rows)
        self._earlier.disabled, self._later.disabled = self._page == 0, not more or last
        parts = [look.title(self._words())]
        if not self._rows.empty:
            parts += [look.small(self._summary()), look.grid(_HEADINGS, self._cells())]
        self.view.value = look.page(*parts)

    def _words(self) -> str:
        if self._problem:
            return f"? not read yet: {self._problem}"
        count = f"{len(self._rows):,} of {len(self._calls):,} calls"
        if len(self._rows) <= PAGE:
            return count
        first = self._page * PAGE
        return f"{count}, shown: {first + 1:,} to {min(first + PAGE, len(self._rows)):,}"

    def _summary(self) -> str:
        rows = self._rows
        refused = int((rows["outcome"] != "ok").sum())
        actors, keys = audit.actor(rows).nunique(), rows["key_arn"].nunique()
        span = f"{rows['time'].min():%H:%M:%S} to {rows['time'].max():%H:%M:%S}"
        return f"{span} UTC · who: {actors} · keys: {keys} · in vain: {refused}"

    def _cells(self) -> list[tuple[str, ...]]:
        first = self._page * PAGE
        return [_cells_of(row) for row in self._rows.iloc[first : first + PAGE].to_dict("records")]


def audit_explorer(calls: pandas.DataFrame) -> AuditExplorer:
    """A table of `kmslab.audit` to look through: fields for who, key, operation, address, outcome
    and time, and a page of the calls that fit.

    `ask(actor="backup", since="03:00")` fills the fields from the next cell; `rows` are then the
    rows that fit, and `found` is their number.
    """
    return AuditExplorer(calls)


def _cells_of(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        f"{row['time']:%m-%d %H:%M:%S}",
        _resource(row["principal"]).removeprefix("assumed-role/"),
        str(row["operation"]),
        _concerned(row),
        str(row["outcome"]),
        str(row["source_ip"]),
    )


def _concerned(row: dict[Any, Any]) -> str:
    """The object that was concerned, or whose data key was; else the key or the bucket."""
    in_context = (row["encryption_context"] or {}).get("aws:s3:arn")
    told = [in_context, row["alias"], *row["resources"]]
    return next((_resource(name) for name in told if isinstance(name, str)), "")


def _resource(arn: object) -> str:
    return str(arn).split(":", 5)[5] if str(arn).startswith("arn:") else str(arn)
