"""The encryption-context explorer: pairs on two sides, and whether the ciphertext opens.

At every change it really calls Encrypt with the pairs of one side and Decrypt with those of the
other. The verdict is the lab's; only the list of differences is our own, since AWS gives no
reason.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets as widgets
from botocore.exceptions import ClientError
from traitlets import Unicode

from kmslab.lab import Lab
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import calls, look

MOST_PAIRS = 3
OPENS = "opens"
NOT_SENT = "not sent"
NO_REASON = "refused: InvalidCiphertextException"
SECRET = b"the door code is 4711"
FIRST_PAIRS = {"department": "payroll", "document": "contract-7"}


class Outcome(NamedTuple):
    """What one Encrypt and one Decrypt came to, and the events that they left."""

    verdict: str
    sentence: str
    events: Sequence[dict[str, Any]] = ()


class Unclear(ValueError):
    """The boxes of a side do not make a dictionary, so nothing can be sent."""


class ContextExplorer(widgets.VBox):  # type: ignore[misc]
    """See `context_explorer`. `verdict` says what came of the last change, `view` is HTML."""

    verdict = Unicode("", read_only=True)

    def __init__(self, lab: Lab, kms: Any, key_id: str) -> None:
        self._lab = lab
        self._kms = kms
        self._key_id = calls.checked_key_id(key_id)
        self._encrypt = _Side("Encrypt", look.BLUE)
        self._decrypt = _Side("Decrypt", look.ORANGE)
        self.view = widgets.HTML()
        sides = widgets.Box([self._encrypt.frame, self._decrypt.frame], layout=look.side_by_side())
        super().__init__([look.style_sheet(), sides, self.view])
        self.add_class("kmslab")
        for side in (self._encrypt, self._decrypt):
            side.fill(FIRST_PAIRS)
            side.when_edited(self._try)
        self._try()

    @property
    def encrypt_side(self) -> dict[str, str]:
        """The pairs that Encrypt gets; set a dictionary of at most three."""
        return self._encrypt.pairs()

    @encrypt_side.setter
    def encrypt_side(self, pairs: dict[str, str]) -> None:
        self._encrypt.fill(pairs)
        self._try()

    @property
    def decrypt_side(self) -> dict[str, str]:
        """The pairs that Decrypt gets; set a dictionary of at most three."""
        return self._decrypt.pairs()

    @decrypt_side.setter
    def decrypt_side(self, pairs: dict[str, str]) -> None:
        self._decrypt.fill(pairs)
        self._try()

    def table(self) -> MarkdownText:
        """Both sides, the verdict and the event, as text."""
        said = f"**{self.verdict}** · {_recorded(self._outcome.events)}"
        if self.verdict == NOT_SENT:
            return MarkdownText(said)
        rows = _compared(self.encrypt_side, self.decrypt_side)
        return MarkdownText(
            f"{table(('name', 'Encrypt side', 'Decrypt side', ''), rows)}\n\n{said}"
        )

    def __repr__(self) -> str:
        return f"ContextExplorer: {self.verdict}"

    def _try(self) -> None:
        try:
            self._outcome = self._call(self._encrypt.pairs(), self._decrypt.pairs())
        except Unclear as unclear:
            self._outcome = Outcome(NOT_SENT, str(unclear))
        self.set_trait("verdict", self._outcome.verdict)
        self.view.value = self._page()

    def _call(self, encrypt_with: dict[str, str], decrypt_with: dict[str, str]) -> Outcome:
        seen = len(self._lab.events())
        try:
            encrypted = self._kms.encrypt(
                KeyId=self._key_id, Plaintext=SECRET, **_context(encrypt_with)
            )
            blob = encrypted["CiphertextBlob"]
            self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=blob, **_context(decrypt_with))
        except ClientError as error:
            verdict = f"refused: {calls.refusal_code(error)}"
            sentence = calls.refusal_sentence(error)
        else:
            verdict, sentence = OPENS, "Every pair is the same on both sides."
        return Outcome(verdict, sentence, self._lab.events()[seen:])

    def _page(self) -> str:
        outcome = self._outcome
        symbol, colour = ("✓", look.GREEN) if outcome.verdict == OPENS else ("✗", look.VERMILION)
        lines = [outcome.sentence]
        if outcome.verdict == NO_REASON:
            differences = _differences(self.encrypt_side, self.decrypt_side)
            lines = ["AWS gives no reason. Whoever sees both sides can tell:", *differences]
        return look.page(
            look.box(colour, f"{symbol} {outcome.verdict}", map(look.line, lines)),
            look.small(_recorded(outcome.events)),
            look.small("Every change calls Encrypt and Decrypt once, for real."),
        )


class _Side:
    """Three rows of a name and a value, in a frame that says which call they go to."""

    def __init__(self, label: str, colour: str) -> None:
        self.label = label
        self._filling = False
        self._rows = [
            (self._text("name", number), self._text("value", number))
            for number in range(1, MOST_PAIRS + 1)
        ]
        heading = widgets.HTML(f"<b>{label} side</b>")
        self.frame = look.framed(colour, [heading, *map(widgets.HBox, self._rows)])

    def pairs(self) -> dict[str, str]:
        """The rows that are not empty. Raises Unclear where they make no dictionary."""
        pairs: dict[str, str] = {}
        for name, value in self._rows:
            if name.value in pairs:
                raise Unclear(f"The name “{name.value}” stands twice on the {self.label} side.")
            if value.value and not name.value:
                raise Unclear(f"“{value.value}” has no name on the {self.label} side.")
            if name.value:
                pairs[name.value] = value.value
        return pairs

    def fill(self, pairs: dict[str, str]) -> None:
        """Put `pairs` into the boxes, in their order."""
        _check(pairs)
        rest = [("", "")] * (MOST_PAIRS - len(pairs))
        self._filling = True
        for (name, value), pair in zip(self._rows, [*pairs.items(), *rest], strict=True):
            name.value, value.value = pair
        self._filling = False

    def when_edited(self, act: Callable[[], None]) -> None:
        """Call `act` after each edit by hand, but not while `fill` is at work."""

        def edited(_: object) -> None:
            if not self._filling:
                act()

        for row in self._rows:
            for text in row:
                text.observe(edited, names="value")

    def _text(self, what: str, number: int) -> widgets.Text:
        return look.text(f"{what} {number}", f"{self.label} side, {what} of pair {number}")


def context_explorer(lab: Lab, kms: Any, key_id: str) -> ContextExplorer:
    """Pairs of an encryption context to edit on two sides, and whether the ciphertext opens.

    `kms` is a client of `lab`. `encrypt_side` and `decrypt_side` can be set by the next cell as
    well; `verdict` is then "opens", "refused: " and AWS's error code, or "not sent".
    """
    return ContextExplorer(lab, kms, key_id)


def _check(pairs: dict[str, str]) -> None:
    if not isinstance(pairs, dict):
        raise TypeError(f"an encryption context is a dictionary, not {pairs!r}")
    if len(pairs) > MOST_PAIRS:
        raise ValueError(f"there is room for {MOST_PAIRS} pairs, not for {len(pairs)}: {pairs!r}")
    for name, value in pairs.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(f"a pair is two strings, not {name!r}: {value!r}")
        if not name:
            raise ValueError(f"a pair needs a name: {pairs!r}")


def _context(pairs: dict[str, str]) -> dict[str, dict[str, str]]:
    """The argument of a call; without pairs there is none, as in a call that knows no context."""
    return {"EncryptionContext": pairs} if pairs else {}


def _compared(one: dict[str, str], other: dict[str, str]) -> list[list[str]]:
    """A row for each name of either side."""
    rows = []
    for name in {**one, **other}:
        same = name in one and name in other and one[name] == other[name]
        sides = [f"`{side[name]}`" if name in side else "–" for side in (one, other)]
        rows.append([f"`{name}`", *sides, "same" if same else "differs"])
    return rows or [["no pairs", "–", "–", "same"]]


def _differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    lines = []
    for name in {**one, **other}:
        if name not in other:
            lines.append(f"– only the Encrypt side has “{name}”")
        elif name not in one:
            lines.append(f"– only the Decrypt side has “{name}”")
        elif one[name] != other[name]:
            lines.append(f"– “{name}” has another value")
    return lines


def _recorded(events: Sequence[dict[str, Any]]) -> str:
    if not events:
        return "Recorded by CloudTrail: no event."
    context = json.dumps(calls.recorded_context(events[-1]), ensure_ascii=False)
    return f"Recorded by CloudTrail: {calls.told(events[-1:])}, encryption context {context}."
