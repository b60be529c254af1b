"""The exercises of notebook 05: to lend, to constrain what is lent, and to take it back."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

Pairs = dict[str, str]

WAIT = timedelta(minutes=5)
LENT = {"department": "payroll", "month": "2026-01"}
OTHERS: tuple[Pairs, ...] = (
    {"department": "payroll", "month": "2026-02"},
    {"department": "payroll"},
    {**LENT, "copy": "2"},
    {},
)


@exercise(
    "05-1",
    right="the role decrypts at once and later, with this one context, and nobody else does",
    hints=(
        "The role's rights are there at once only for calls that show something. What?",
        "kms.create_grant(...) takes Constraints={'EncryptionContextEquals': ...}.",
        "One operation is enough: Operations=['Decrypt'].",
        "Return {'GrantTokens': [the answer's GrantToken]}: Decrypt takes a list.",
    ),
)
def lends_to_a_role(lend: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="05-1", grant_propagation=WAIT)
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    role, stranger = lab.role("report-job"), lab.role("other-job")
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    shown = lend(kms, key_id, role.arn, dict(LENT))
    require_kind(shown, dict, "a dictionary of arguments is wanted")
    unchanged = kms.get_key_policy(KeyId=key_id)["Policy"] == policy
    require(unchanged, "you changed the key policy; a grant does without")
    job, other_job = (lab.client("kms", each.session("night")) for each in (role, stranger))
    at_once = _opens(kms, job, key_id, LENT, shown)
    if at_once:
        _require_nothing_more(kms, key_id, job, other_job, shown)
    lab.clock.advance(minutes=5)
    later = _opens(kms, job, key_id, LENT, {})
    require(later, "5 minutes after your call the role is refused, without what you returned")
    require(at_once, "right after your call the role is refused; it would have to wait 5 minutes")


def _require_nothing_more(
    kms: Any, key_id: str, job: Any, other_job: Any, shown: dict[str, Any]
) -> None:
    for pairs in OTHERS:
        more = _opens(kms, job, key_id, pairs, shown)
        require(not more, f"the role also decrypts what has the context {pairs}")
    other = _opens(kms, other_job, key_id, LENT, shown)
    require(not other, "another role decrypts as well")
    operations = {
        name
        for grant in kms.list_grants(KeyId=key_id)["Grants"]
        for name in grant["Operations"]
        if name != "Decrypt"
    }
    require(not operations, f"Decrypt was to be lent, and you also lend {sorted(operations)}")


def _opens(kms: Any, job: Any, key_id: str, pairs: Pairs, shown: dict[str, Any]) -> bool:
    """Whether `job` decrypts what `kms` encrypts with `pairs`, showing what it was given."""
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"a report", EncryptionContext=pairs)
    try:
        job.decrypt(CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=pairs, **shown)
    except ParamValidationError:
        raise NotYet(f"Decrypt cannot be called with the arguments {list(shown)}") from None
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        require(code == "AccessDeniedException", f"with what you return Decrypt says {code}")
        return False
    return True


# What must pass, and then what must not.
CASES: tuple[tuple[tuple[Pairs, ...], tuple[Pairs, ...]], ...] = (
    (
        ({"app": "pay"},),
        ({}, {"app": "Pay"}, {"app": "pay", "run": "1"}, {"app": "mail"}),
    ),
    (
        ({"app": "pay", "run": "1"}, {"app": "pay", "run": "2"}),
        ({}, {"app": "mail", "run": "1"}, {"run": "1"}),
    ),
    (
        (
            {"app": "pay", "site": "A", "run": "1"},
            {"app": "pay", "site": "A"},
            {"app": "pay", "site": "A", "run": "2"},
        ),
        ({"app": "pay"}, {"site": "A"}, {"app": "pay", "site": "B"}, {"run": "1"}),
    ),
)
TO_PASS = sum(len(wanted) for wanted, _ in CASES)
CALLS = TO_PASS + sum(len(unwanted) for _, unwanted in CASES)


@exercise(
    "05-2",
    right=f"of {CALLS} calls the {TO_PASS} pass that have to, and none besides",
    hints=(
        "One context alone: which constraint lets nothing else pass?",
        "Several contexts: what do all of them have in common, name and value?",
        "A pair is common if other.get(name) == value for every other context.",
        "Return {'EncryptionContextEquals': the one context}, or "
        "{'EncryptionContextSubset': the common pairs}.",
    ),
)
def chooses_constraints(constraints_for: Callable[[list[Pairs]], Any]) -> None:
    for number, (wanted, unwanted) in enumerate(CASES, start=1):
        constraints = constraints_for([dict(pairs) for pairs in wanted])
        require_kind(constraints, dict, "a dictionary is wanted")
        passes = _grant_with(constraints, f"05-2 {number}")
        for pairs in wanted:
            require(passes(pairs), f"{constraints} refuses {pairs}, which has to pass")
        for pairs in unwanted:
            require(not passes(pairs), f"{constraints} lets {pairs} pass")


def _grant_with(constraints: dict[str, Any], seed: str) -> Callable[[Pairs], bool]:
    """What tells whether a grant with these constraints lets a call with a context pass."""
    lab = classroom_lab(seed=seed)
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    role = lab.role("report-job")
    try:
        _grant(kms, key_id, role, Constraints=constraints)
    except (ClientError, ParamValidationError) as refusal:
        raise NotYet(f"CreateGrant does not take {constraints}: {refusal}") from None
    job = lab.client("kms", role.session("night"))
    return lambda pairs: _opens(kms, job, key_id, pairs, {})


MANY = 130
SITE = "arn:aws:iam::111122223333"


@exercise(
    "05-3",
    right=f"all grants of the role are gone, {MANY} of them too, and all others still stand",
    hints=(
        "How many grants does one call of list_grants return, and how does it say there are more?",
        "list_grants takes GranteePrincipal, and get_paginator('list_grants') turns the pages.",
        "Whoever runs this has a right to revoke_grant(KeyId=..., GrantId=...), not to retire.",
    ),
)
def takes_everything_back(take_back: Callable[..., Any]) -> None:
    for wanted in (0, 2, MANY):
        lab = classroom_lab(seed="05-3")
        kms = lab.client("kms")
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        mine = [grant["GrantId"] for grant in _grants(lab, kms, key_id, wanted)]
        others = set(_grant_ids(kms, key_id)) - set(mine)
        cleaner = lab.client("kms", lab.user("cleaner", policy=_allowing("List", "Revoke")))
        told = take_back(cleaner, key_id, f"{SITE}:role/report")
        _require_taken(set(_grant_ids(kms, key_id)), set(mine), others)
        right = type(told) is int and told == wanted
        require(right, f"{wanted} grants were to be revoked, and you tell {told!r:.60}")


def _require_taken(left: set[str], mine: set[str], others: set[str]) -> None:
    still = len(left & mine)
    require(not still, f"{still} of {len(mine)} grants of the role are still there")
    lost = len(others - left)
    require(not lost, f"{lost} of {len(others)} grants of others are gone")


def _grants(lab: Any, kms: Any, key_id: str, wanted: int) -> Iterator[dict[str, Any]]:
    """As many grants to the role as `wanted`, among others that look much like them."""
    report, report_job = lab.role("report"), lab.role("report-job")
    for retiring, grantee in ((report, report_job), (report_job, report_job)):
        _grant(kms, key_id, grantee, RetiringPrincipal=retiring.arn, Name="role/report")
    for number in range(wanted):
        yield _grant(kms, key_id, report, Name=f"{number}")


def _grant(kms: Any, key_id: str, grantee: Any, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = kms.create_grant(
        KeyId=key_id, GranteePrincipal=grantee.arn, Operations=["Decrypt"], **more
    )
    return answer


def _grant_ids(kms: Any, key_id: str) -> Iterator[str]:
    for page in kms.get_paginator("list_grants").paginate(KeyId=key_id):
        for grant in page["Grants"]:
            yield grant["GrantId"]


def _allowing(*verbs: str) -> dict[str, Any]:
    actions = [f"kms:{verb}Grant{'s' * (verb == 'List')}" for verb in verbs]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
