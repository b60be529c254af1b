"""The envelope stepper: a button for the next step, and three boxes for who holds what.

It shows `EnvelopeSteps`; what is done and held is decided there.
"""

from typing import Any

import ipywidgets as widgets
from traitlets import Int

from kmslab.lab import Lab
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.envelope_steps import (
    APPLICATION,
    BEFORE,
    CIPHERTEXT,
    ENCRYPTED_DATA_KEY,
    HOLDERS,
    HSM,
    KMS_KEY,
    STEPS,
    STORED,
    THINGS,
    EnvelopeSteps,
)

_COLOURS = {APPLICATION: look.BLUE, STORED: look.ORANGE, HSM: look.GREEN}
_SYMBOLS = {ENCRYPTED_DATA_KEY: "●", CIPHERTEXT: "●", KMS_KEY: "■"}
_LEGEND = (
    "○ in the clear · ● encrypted · ■ never leaves the HSM. "
    "A fingerprint is the first 4 bytes of a thing's SHA-256."
)


class EnvelopeStepper(widgets.VBox):  # type: ignore[misc]
    """See `envelope_stepper`. `next` and `again` are buttons, `view` is HTML, `step` counts."""

    step = Int(0, read_only=True)

    def __init__(self, steps: EnvelopeSteps) -> None:
        self._steps = steps
        self.next = look.button("Next step", "Do the next step for real", "primary")
        self.again = look.button("Start over", "Forget everything and begin again")
        self.view = widgets.HTML()
        buttons = widgets.HBox([self.next, self.again])
        super().__init__([look.style_sheet(), buttons, self.view])
        self.add_class("kmslab")
        self.next.on_click(self._pressed)
        self.again.on_click(self._pressed_again)
        self._show()

    def press(self) -> None:
        """The same as a click on "Next step"."""
        self.next.click()

    def start_over(self) -> None:
        """The same as a click on "Start over"."""
        self.again.click()

    @property
    def stored(self) -> dict[str, bytes]:
        """The bytes of the envelope, as far as it is stored: what anybody may copy."""
        return dict(self._steps.stored)

    def table(self) -> MarkdownText:
        """Who holds what at this step, as text."""
        held = {holder: self._steps.held(holder) for holder in HOLDERS}
        rows = [[thing, *(held[holder].get(thing, "–") for holder in HOLDERS)] for thing in THINGS]
        return MarkdownText(f"{self._heading()}\n\n{table((' ', *HOLDERS), rows)}")

    def history(self) -> MarkdownText:
        """Every press since the start: what was done or refused, and what was recorded."""
        rows = []
        for turn in self._steps.turns:
            done = "done" if turn.done else f"refused: {turn.words}"
            rows.append((str(turn.step), STEPS[turn.step - 1][0], done, turn.recorded))
        return table(("step", "what", "outcome", "recorded by CloudTrail"), rows)

    def __repr__(self) -> str:
        return f"EnvelopeStepper at {self._heading()}"

    def _pressed(self, _: widgets.Button) -> None:
        if self._steps.step < len(STEPS):
            self._steps.advance()
        self._show()

    def _pressed_again(self, _: widgets.Button) -> None:
        self._steps.start_over()
        self._show()

    def _heading(self) -> str:
        done = STEPS[self._steps.step - 1][0] if self._steps.step else "nothing done yet"
        return f"step {self._steps.step} of {len(STEPS)}: {done}"

    def _show(self) -> None:
        self.set_trait("step", self._steps.step)
        self.view.value = look.page(
            look.title(f"S{self._heading()[1:]}"),
            self._outcome(),
            look.boxes(self._box(holder) for holder in HOLDERS),
            look.small(self._what_is_next()),
            look.small(_LEGEND),
        )

    def _outcome(self) -> str:
        if not self._steps.turns:
            return look.paragraph(BEFORE)
        last = self._steps.turns[-1]
        if last.done:
            words = look.paragraph(last.words)
        else:
            words = look.box(
                look.VERMILION,
                f"✗ KMS refused step {last.step}, and nothing has moved",
                [look.line(last.words)],
            )
        return words + look.paragraph(f"Recorded by CloudTrail: {last.recorded}.")

    def _what_is_next(self) -> str:
        if self._steps.step == len(STEPS):
            return "That was the last step. “Start over” begins again."
        return f"Next: step {self._steps.step + 1}, {STEPS[self._steps.step][0]}."

    def _box(self, holder: str) -> str:
        held = self._steps.held(holder)
        lines = [look.line(self._named(holder, thing), what) for thing, what in held.items()]
        return look.box(_COLOURS[holder], holder, lines or [look.line("– nothing")])

    def _named(self, holder: str, thing: str) -> str:
        new = " (new)" if self._steps.is_new(holder, thing) else ""
        return f"{_SYMBOLS.get(thing, '○')} {thing}{new}"


def envelope_stepper(lab: Lab, kms: Any, key_id: str, document: bytes) -> EnvelopeStepper:
    """Envelope encryption of `document`, a real step at each press of "Next step".

    `kms` is a client of `lab`. A step that KMS refuses is told in AWS's words and can be tried
    again. Raises TypeError for a document that is not bytes, ValueError for an empty one.
    """
    return EnvelopeStepper(EnvelopeSteps(lab, kms, key_id, document))
