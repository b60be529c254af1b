"""The size bench: a reader's own sizes, measured on the reader's own machine.

It shows what `time_sizes` measured when the button was last pressed; how that is done is decided
there.
"""

from typing import Any

import ipywidgets as widgets
import pandas

from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.size_costs import plot_sizes, size_text, sizes_in, time_sizes
from kmslab.learn.widgets import look

_FIRST = "100, 4 KiB, 64 KiB, 1 MiB"


class SizeBench(widgets.VBox):  # type: ignore[misc]
    """See `size_bench`. `sizes` is a text box, `measure` a button, `view` is HTML; `costs` is
    what was measured, None before the first time and where a size cannot be read."""

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms, self._key_id = kms, key_id
        self.costs: pandas.DataFrame | None = None
        self.problem = ""
        self.sizes = look.field("Sizes", "1 byte to 64 MiB, with commas between", _FIRST)
        self.sizes.value = _FIRST
        self.measure = look.button("Measure", "Encrypt so many bytes in every way", "primary")
        self.view = widgets.HTML()
        super().__init__([look.style_sheet(), self.sizes, self.measure, self.view])
        self.add_class("kmslab")
        self.measure.on_click(self._pressed)
        self._show()

    def press(self) -> None:
        """The same as a click on "Measure"."""
        self.measure.click()

    def measured_sizes(self) -> list[str]:
        """The sizes that were measured, as words."""
        return [] if self.costs is None else [size_text(size) for size in self._medians().index]

    def table(self) -> MarkdownText:
        """The medians in microseconds, as text."""
        if self.costs is None:
            return MarkdownText(self._words())
        return table(self._headings(), self._rows())

    def plot(self) -> str:
        """The picture of `plot_sizes`, and its caption. Raises ValueError where nothing was
        measured."""
        if self.costs is None:
            raise ValueError(self._words())
        return plot_sizes(self.costs)

    def __repr__(self) -> str:
        return f"SizeBench: {self._words()}"

    def _pressed(self, _: widgets.Button) -> None:
        self.costs, self.problem = None, ""
        try:
            self.costs = time_sizes(self._kms, self._key_id, sizes_in(self.sizes.value))
        except ValueError as problem:
            self.problem = str(problem)
        self._show()

    def _words(self) -> str:
        if self.problem:
            return f"nothing was measured: {self.problem}"
        if self.costs is None:
            return "nothing was measured yet"
        return f"measured {', '.join(self.measured_sizes())}"

    def _show(self) -> None:
        words = look.paragraph(f"{self._words()[0].upper()}{self._words()[1:]}.")
        if self.costs is None:
            self.view.value = look.page(words)
            return
        self.view.value = look.page(words, look.grid(self._headings(), self._rows()))

    def _medians(self) -> pandas.DataFrame:
        assert self.costs is not None
        return self.costs.pivot(index="size", columns="way", values="median")

    def _headings(self) -> tuple[str, ...]:
        return ("size", *(f"{way} (µs)" for way in self._medians().columns))

    def _rows(self) -> list[list[str]]:
        return [
            [size_text(size), *("–" if pandas.isna(each) else f"{each:,.0f}" for each in medians)]
            for size, medians in zip(
                self._medians().index, self._medians().itertuples(index=False), strict=True
            )
        ]


def size_bench(kms: Any, key_id: str) -> SizeBench:
    """Measure sizes of the reader's choice: `bench.sizes.value = "100, 1 MiB"`, then
    `bench.press()`. `kms` is a boto3 client, `key_id` a symmetric KMS key."""
    return SizeBench(kms, key_id)
