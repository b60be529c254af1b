"""What a verification found: counts, findings, the time that is proven, and what nobody can tell.

It reads as text in a terminal and as tables in a notebook, and its rows go into a table of pandas.
How anything was found is not known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from kmslab.trail_integrity.findings import VALID, Finding
from kmslab.trail_integrity.times import Span


class Count(NamedTuple):
    """How many files there should be, and how many of them nothing is wrong with."""

    valid: int = 0
    all: int = 0

    def __add__(self, other: object) -> "Count":
        if not isinstance(other, Count):
            return NotImplemented
        return Count(self.valid + other.valid, self.all + other.all)

    def __str__(self) -> str:
        return f"{self.valid}/{self.all}"


class CheckedFile(NamedTuple):
    """A file that was examined; `verdict` is "valid", or the kinds of its findings."""

    region: str
    what: str
    object: str
    verdict: str


@dataclass(frozen=True)
class RegionReport:
    """One Region's files. `verified` is the time that valid digests are about; `not_yet_covered`
    counts log files that the next digest will name."""

    region: str
    digests: Count
    log_files: Count
    verified: tuple[Span, ...]
    not_yet_covered: int
    checked: tuple[CheckedFile, ...]

    @property
    def row(self) -> dict[str, str]:
        return {
            "region": self.region,
            "digests": str(self.digests),
            "log files": str(self.log_files),
            "not yet covered": str(self.not_yet_covered),
            "verified": "; ".join(map(str, self.verified)),
        }


@dataclass(frozen=True)
class Report:
    """What came out of it all.

    `digests` and `log_files` count over all Regions; `not_judged` holds sentences on what could
    neither be confirmed nor denied.
    """

    trail_arn: str
    span: Span
    regions: tuple[RegionReport, ...]
    findings: tuple[Finding, ...]
    not_judged: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Nothing was found to be wrong, and something to be right."""
        return not self.findings

    @property
    def digests(self) -> Count:
        return sum((region.digests for region in self.regions), Count())

    @property
    def log_files(self) -> Count:
        return sum((region.log_files for region in self.regions), Count())

    @property
    def checked(self) -> tuple[CheckedFile, ...]:
        """Every file that was examined."""
        return tuple(file for region in self.regions for file in region.checked)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the findings, each once."""
        return list(dict.fromkeys(finding.kind for finding in self.findings))

    @property
    def rows(self) -> list[dict[str, str]]:
        """A row for each finding."""
        return [finding._asdict() for finding in self.findings]

    @property
    def region_rows(self) -> list[dict[str, str]]:
        """A row for each Region, with its counts."""
        return [region.row for region in self.regions]

    @property
    def verdict(self) -> str:
        count = len(self.findings)
        found = "intact" if self.intact else f"{count} finding{'' if count == 1 else 's'}"
        return f"{self.trail_arn}, {self.span}: {found}"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.verdict
        for region in self.regions:
            yield (
                f"  {region.region}: {region.digests} digest files valid, {region.log_files} log "
                f"files valid"
            )
            yield from (f"    verified {span}" for span in region.verified)
            if region.not_yet_covered:
                yield f"    log files whose digest is not due yet: {region.not_yet_covered}"
        for finding in self.findings:
            yield f"  {finding.kind}: {finding.object}"
            yield f"    {finding.sentence}"
        if self.not_judged:
            yield "  not judged:"
            yield from (f"    {sentence}" for sentence in self.not_judged)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.verdict)}</b></p>", _table(self.region_rows)]
        parts.append(_table(self.rows))
        parts += [f"<p>Not judged: {escape(sentence)}</p>" for sentence in self.not_judged]
        return "".join(parts)


def checked_file(region: str, what: str, uri: str, kinds: list[str]) -> CheckedFile:
    return CheckedFile(region, what, uri, ", ".join(dict.fromkeys(kinds)) or VALID)


def count(checked: list[CheckedFile]) -> Count:
    return Count(sum(file.verdict == VALID for file in checked), len(checked))


def _table(rows: list[dict[str, str]]) -> str:
    if not rows:
        return ""
    heading = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f'<td style="text-align:left">{escape(text)}</td>'
