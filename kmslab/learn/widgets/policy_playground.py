"""The policy playground: a key policy to edit, a question to choose, and the lab's answer.

At every change the lab is asked what it would decide, with nothing done and nothing recorded.
What is typed and what the answer means is read elsewhere; here stand the controls and the look.
"""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from traitlets import Unicode

from kmslab import arn as arns
from kmslab.access.decision import Decision
from kmslab.access.explanation import SYMBOLS, Line
from kmslab.lab import DEFAULT_ACCOUNT, DEFAULT_REGION, Lab, LabPrincipal
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import calls, look, policy_question
from kmslab.learn.widgets.policy_question import Asked, Branch, Unreadable

ALLOWED, DENIED, NOT_DECIDED = "allowed", "denied", "not decided"
_LEGEND = "● decided · ◐ says yes, which is not enough · ○ passed over"


class PolicyPlayground(widgets.VBox):  # type: ignore[misc]
    """See `policy_playground`. `verdict` is the answer in a word or two, `view` is HTML."""

    verdict = Unicode("", read_only=True)

    def __init__(
        self, lab: Lab, key_id: str, principals: Sequence[LabPrincipal], policy: str | None = None
    ) -> None:
        self._lab = lab
        self._key_id = calls.checked_key_id(key_id)
        self._make_controls(_checked(principals))
        self.policy = _policy_of(lab, key_id) if policy is None else policy
        self.view = widgets.HTML()
        question = widgets.VBox([self._principal, self._operation, self._context, self._via])
        answer = widgets.VBox([question, self.view])
        sides = widgets.Box([self._policy, answer], layout=look.side_by_side())
        super().__init__([look.style_sheet(), sides])
        self.add_class("kmslab")
        for control in (self._policy, self._principal, self._operation, self._context, self._via):
            control.observe(self._ask, names="value")
        self._ask()

    # --- What a cell sets, as a hand would ------------------------------------------------

    @property
    def policy(self) -> str:
        """The key policy, as text."""
        return str(self._policy.value)

    @policy.setter
    def policy(self, text: str) -> None:
        self._policy.value = text

    @property
    def principal(self) -> LabPrincipal:
        """Who asks: one of the principals that the playground was made with."""
        chosen: LabPrincipal = self._principal.value
        return chosen

    @principal.setter
    def principal(self, principal: LabPrincipal) -> None:
        self._principal.value = principal

    @property
    def operation(self) -> str:
        """What is asked for, such as "Decrypt"."""
        return str(self._operation.value)

    @operation.setter
    def operation(self, operation: str) -> None:
        self._operation.value = operation

    @property
    def encryption_context(self) -> str:
        """The pairs as typed: JSON, or name=value with commas between."""
        return str(self._context.value)

    @encryption_context.setter
    def encryption_context(self, text: str) -> None:
        self._context.value = text

    @property
    def via(self) -> str:
        """The service that makes the call in the principal's name: s3.amazonaws.com, or ""."""
        return policy_question.S3 if self._via.value else ""

    @via.setter
    def via(self, service: str) -> None:
        if service not in ("", policy_question.S3):
            raise ValueError(f"via is {policy_question.S3!r} or '', not {service!r}")
        self._via.value = bool(service)

    # --- What it shows ----------------------------------------------------------------------

    def table(self) -> MarkdownText:
        """The question, the verdict and the tree, as text."""
        if isinstance(self._answer, Unreadable):
            return MarkdownText(f"**{self.verdict}**: {self._answer}")
        rows = [
            (f"{SYMBOLS[line.role]} {line.role}", " · ".join(filter(None, where)), line.words)
            for branch in self._branches()
            for line in branch.lines
            for where in [(branch.title, line.where)]
        ]
        headings = ("", "statement", "what it says")
        return MarkdownText(f"{self._asked.words}: **{self.verdict}**\n\n{table(headings, rows)}")

    def __repr__(self) -> str:
        return f"PolicyPlayground: {self.verdict}"

    # --- Inside -----------------------------------------------------------------------------

    def _make_controls(self, principals: Sequence[LabPrincipal]) -> None:
        names = [(policy_question.title(each), each) for each in principals]
        operations = [(name, name) for name in policy_question.OPERATIONS]
        self._policy = look.editor("Key policy", "The key policy, as JSON", rows=19)
        self._principal = look.choice("principal", "Who asks", names)
        self._operation = look.choice("operation", "What is asked for", operations)
        self._context = look.field(
            "encryption context", "Pairs of the encryption context", "department=payroll"
        )
        self._via = look.tick("through S3", "S3 makes the call in the principal's name")

    def _ask(self, _: object = None) -> None:
        self._answer: Decision | Unreadable
        try:
            pairs = policy_question.read_pairs(self.encryption_context)
            self._asked = Asked(self.principal, self.operation, pairs, self.via)
            self._answer = policy_question.answer(self._lab, self._key_id, self.policy, self._asked)
            verdict = ALLOWED if self._answer.allowed else DENIED
        except Unreadable as problem:
            self._answer, verdict = problem, NOT_DECIDED
        self.set_trait("verdict", verdict)
        self.view.value = self._page()

    def _page(self) -> str:
        if isinstance(self._answer, Unreadable):
            lines = [look.line(str(self._answer))]
            heading = f"? {NOT_DECIDED}: this cannot be read yet"
            return look.page(
                look.box(look.ORANGE, heading, lines), look.lines_of_code(self._answer.excerpt)
            )
        symbol, colour = ("✓", look.GREEN) if self._answer.allowed else ("✗", look.VERMILION)
        lines = [look.line(f"{self._asked.words}.", self._answer.because)]
        if self._asked.pairs and not self._asked.sends_context:
            lines.append(look.line(f"{self._asked.operation} sends no encryption context."))
        verdict = look.page(look.box(colour, f"{symbol} {self.verdict}", lines))
        return verdict + look.tree(map(_branch, self._branches())) + look.small(_LEGEND)

    def _branches(self) -> list[Branch]:
        assert isinstance(self._answer, Decision)
        return policy_question.branches(self._answer, self.policy)


def policy_playground(
    lab: Lab, key_id: str, principals: Sequence[LabPrincipal], policy: str | None = None
) -> PolicyPlayground:
    """The policy of a key to edit, and for each question what the lab would decide.

    It begins with `policy`, or with the key's own, which it reads as the account's administrator;
    editing it here does not change the key. `principals` are users, root users or sessions of
    `lab`. `policy`, `principal`, `operation`, `encryption_context` and `via` can be set by the next
    cell as well; `verdict` is then "allowed", "denied", or "not decided" where something cannot be
    read. Raises ClientError where the administrator may not read the key's policy.
    """
    return PolicyPlayground(lab, key_id, principals, policy)


def _checked(principals: Sequence[LabPrincipal]) -> Sequence[LabPrincipal]:
    if not principals:
        raise ValueError(f"there is nobody to ask in {principals!r}")
    return principals


def _policy_of(lab: Lab, key_id: str) -> str:
    arn = arns.parse_arn(key_id)
    account, region = (arn.account, arn.region) if arn else (DEFAULT_ACCOUNT, DEFAULT_REGION)
    kms: Any = lab.client("kms", lab.administrator(account), region)
    return str(kms.get_key_policy(KeyId=key_id)["Policy"])


def _branch(branch: Branch) -> str:
    return look.branch(branch.title, (look.line(_words(line)) for line in branch.lines))


def _words(line: Line) -> str:
    where = f"{line.where}: " if line.where else ""
    return f"{SYMBOLS[line.role]} {where}{line.words}"
