"""The exercises of notebook 13: whose credentials leaked, what was read, which grant let them in,
and a rule that stops the thief and nobody else.

Answers are tried on the day in data/incident. Who the thief is stands in `incident.theft`; whom a
rule stops is found out by a replay of the day.
"""

import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pandas
from botocore.exceptions import ClientError

from kmslab import audit
from kmslab.learn import incident
from kmslab.learn.exercises import NotYet, exercise, require
from kmslab.learn.incident.company import SHOP, found, new_lab, role_arn
from kmslab.learn.incident.replay import S3, asked_grant, kms_records
from kmslab.learn.incident.theft import ROLE, THIEF_IP

Record = dict[str, Any]
Document = dict[str, Any]

CUSTOMERS = "alias/customers"


@cache
def _table() -> pandas.DataFrame:
    return audit.from_folder(incident.FOLDER / "AWSLogs", progress=False)


@cache
def _keys() -> Mapping[str, str]:
    """The ARNs of the company's keys by name."""
    with new_lab() as lab:
        return found(lab, with_objects=False).keys


def _theirs() -> pandas.DataFrame:
    table = _table()
    return table[table["source_ip"] == THIEF_IP]


# --- 13-1 ---------------------------------------------------------------------------------


@exercise(
    "13-1",
    right="these credentials were used from two places, and only one of them is the program's",
    hints=(
        "Stolen credentials are used by their owner as well. access_key_id is the same for both; "
        "which columns may differ?",
        "What S3 does in somebody's name comes from AWS Internal, which is nobody's address: leave "
        "out rows with invoked_by, and count addresses for each access_key_id.",
        "Seven credentials have more than one address. People carry their long-term keys (AKIA…) "
        "home; temporary ones (ASIA…) are for one program. And which addresses are used by others "
        "too?",
        "Of temporary credentials with several addresses, take those of which one address is used "
        "with no other credentials: that one is the thief's.",
    ),
)
def finds_the_leak(leaked: Callable[[pandas.DataFrame], Any]) -> None:
    told = leaked(_table().copy())
    is_pair = isinstance(told, (tuple, list)) and len(told) == 2
    require(is_pair, f"two texts are wanted, (access_key_id, source_ip), not {told!r:.60}")
    access_key_id, source_ip = told
    used = _table()[_table()["access_key_id"] == access_key_id]
    require(len(used), f"nobody signed a call with {access_key_id!r:.40}")
    places = used.loc[used["invoked_by"].isna(), "source_ip"].nunique()
    who = str(audit.actor(used).iloc[0]).rpartition("/")[2]
    require(places > 1, f"these credentials, of {who}, were used from one place alone")
    right = set(_theirs()["access_key_id"]) == {access_key_id}
    require(right, f"{who} does use them from {places} places; what is wrong about any of those?")
    require(
        source_ip in set(used["source_ip"]), f"they were not used from {source_ip!r:.40} at all"
    )
    require(
        source_ip != "AWS Internal",
        "AWS Internal is S3, which called KMS in their name; which address stands beside their "
        "s3:GetObject?",
    )
    require(source_ip == THIEF_IP, f"{source_ip} is where the program itself works")


# --- 13-2 ---------------------------------------------------------------------------------


@exercise(
    "13-2",
    right="the first call of the thief, and 41 objects that were read",
    hints=(
        "Of the calls with these credentials only those from that address are the thief's.",
        "Looking around began before reading did: since when is the time of the first call of all.",
        "Read was what an s3:GetObject gave, with the outcome ok; a list of names opens nothing.",
        "resources of an s3:GetObject is a tuple: the object's ARN, then the bucket's.",
    ),
)
def tells_what_was_read(stolen: Callable[[pandas.DataFrame, str, str], Any]) -> None:
    theirs = _theirs()
    access_key_id = str(theirs["access_key_id"].iloc[0])
    told = stolen(_table().copy(), access_key_id, THIEF_IP)
    is_pair = isinstance(told, (tuple, list)) and len(told) == 2
    require(is_pair, f"a moment and a list are wanted, not {told!r:.60}")
    first, objects = told
    require(isinstance(objects, list), f"the objects are to be a list, not {objects!r:.40}")
    opened = theirs[(theirs["operation"] == "s3:GetObject") & (theirs["outcome"] == "ok")]
    read = sorted({arns[0] for arns in opened["resources"]})
    more, missing = set(map(str, objects)) - set(read), set(read) - set(map(str, objects))
    require(not more, f"{len(more)} of your objects were not read by them: {_one_of(more)}")
    require(not missing, f"{len(missing)} objects that were read are missing: {_one_of(missing)}")
    require(objects == read, "each object once, in the order of the alphabet")
    begun = theirs["time"].min()
    require(_moment(first) == begun, f"{first!s:.25} is not the time of their first call")


def _moment(told: Any) -> pandas.Timestamp | None:
    try:
        moment = pandas.Timestamp(told)
    except (TypeError, ValueError):
        return None
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment


def _one_of(arns: set[str]) -> str:
    return f"{min(arns, default='').rpartition(':')[2]:.60}"


# --- 13-3 ---------------------------------------------------------------------------------


@exercise(
    "13-3",
    right="the grant is found, for three roles and keys, and where there is none, none",
    hints=(
        "requestParameters of a CreateGrant say for whom, on which key and for which operations; "
        "where does a record say under which id?",
        "A grant that was taken back or retired lets nobody in any more: RevokeGrant has its "
        "grantId in requestParameters, RetireGrant in additionalEventData.",
        "A CreateGrant that was refused has an errorCode, and made no grant.",
        "Collect the ids that ended; then look for the CreateGrant with this granteePrincipal, the "
        "key's ARN among its resources, Decrypt in operations, and an id that did not end.",
    ),
)
def finds_the_way_in(way_in: Callable[[list[Record], str, str], Any]) -> None:
    keys = _keys()
    for name, key in (
        ("report-renderer", "customers"),
        ("loyalty", "customers"),
        ("report-renderer", "reports"),
        ("invoice-batch", "invoices"),
        ("backup", "customers"),
    ):
        role = role_arn(SHOP, name)
        right = _living_grant(role, keys[key])
        told = way_in([copy.deepcopy(record) for record in _of_grants()], role, keys[key])
        asked = f"the grant for {name} on the key {key}"
        if right is None:
            require(told is None, f"{asked}: there is none at the end of the day, so None is right")
        else:
            require(told == right, f"{asked} begins with {right[:4]}, and yours is {told!r:.20}")
    for record, problem in (
        (_for_backup(errorCode="AccessDenied", responseElements=None), "was refused made no grant"),
        (_for_backup(operations=["DescribeKey"]), "is for DescribeKey alone opens nothing"),
    ):
        told = way_in(
            [*copy.deepcopy(_of_grants()), record], role_arn(SHOP, "backup"), keys["customers"]
        )
        require(told is None, f"a CreateGrant that {problem}; a record of one was among these")


def _for_backup(operations: list[str] | None = None, **members: Any) -> Record:
    """A record of a grant that nobody made: for the backup, on the key of the customers."""
    record = copy.deepcopy(_record_of(_living_grant(ROLE, _keys()["customers"])))
    asked = record["requestParameters"]
    asked["granteePrincipal"] = role_arn(SHOP, "backup")
    asked["operations"] = operations or asked["operations"]
    return {**record, **members}


def _record_of(grant_id: str | None) -> Record:
    """The record that tells of the making of a grant."""
    made = (each for each in _of_grants() if each["eventName"] == "CreateGrant")
    return next(
        each for each in made if (each["responseElements"] or {}).get("grantId") == grant_id
    )


def _of_grants() -> list[Record]:
    wanted = ("CreateGrant", "RevokeGrant", "RetireGrant")
    return [record for record in kms_records() if record["eventName"] in wanted]


def _living_grant(role: str, key_arn: str) -> str | None:
    ended, living = set(), None
    for record in _of_grants():
        asked = record["requestParameters"] or {}
        if record["eventName"] != "CreateGrant":
            told = asked or record["additionalEventData"]
            ended.add(told["grantId"])
        elif asked["granteePrincipal"] == role and record["resources"][0]["ARN"] == key_arn:
            living = record["responseElements"]["grantId"]
    return None if living in ended else living


# --- 13-4 ---------------------------------------------------------------------------------


@exercise(
    "13-4",
    right="41 calls of the thief are stopped, and every other call of the day is as it was",
    hints=(
        "The thief had the program's own credentials, and it was S3 that called KMS for both, from "
        "AWS Internal: no address can be asked for. What did the program open, and what did they?",
        "Look at the encryption context of both: which pair tells figures from profiles?",
        "A condition on that pair can stand in the key policy (kms:EncryptionContext:…), or as a "
        "constraint in the grant. Equals allows no other pair, and S3 adds one of its own.",
        "grant['Constraints'] = {'EncryptionContextSubset': {'dataset': …}}, and leave the key "
        "policy as it is.",
    ),
)
def stops_the_thief_alone(rule: Callable[[Document, Document], Any]) -> None:
    grant_id = _living_grant(ROLE, _keys()["customers"])
    assert grant_id
    told = rule(_key_policy(), asked_grant(grant_id))
    is_pair = isinstance(told, (tuple, list)) and len(told) == 2
    require(is_pair, f"(key_policy, grant) is wanted, not {told!r:.60}")
    key_policy, grant = told
    require(isinstance(key_policy, dict), f"a key policy is a dictionary, not {key_policy!r:.40}")
    is_grant = grant is None or isinstance(grant, dict)
    require(is_grant, f"a grant is a dictionary, or None for no grant, not {grant!r:.40}")
    try:
        replayed = incident.replay({CUSTOMERS: key_policy}, {grant_id: grant})
    except ClientError as refusal:
        error = refusal.response["Error"]
        raise NotYet(f"KMS refuses your rule: {error['Code']}: {error['Message']}") from None
    _require_stopped(replayed)
    require(
        not _opens_another(key_policy, grant),
        "the 41 profiles are safe, and the next one is open: say what the program may open, "
        "not what was stolen",
    )


def _require_stopped(replayed: pandas.DataFrame) -> None:
    opened = {arns[0] for arns in _theirs()["resources"] if arns}
    arns = [(pairs or {}).get("aws:s3:arn") for pairs in replayed["encryption_context"]]
    in_opened = pandas.Series([arn in opened for arn in arns], replayed.index)
    of_thief = (replayed["role"] == ROLE) & in_opened
    left = of_thief & (replayed["would_be"] == "ok")
    changed = ~of_thief & (replayed["was"] != replayed["would_be"])
    # That a grant of this kind is refused is a rule as well; whom that stops is told below.
    stopped = changed & (replayed["was"] == "ok") & (replayed["operation"] != "CreateGrant")
    let_in = changed & (replayed["was"] == "denied")
    problems = [
        f"the thief still opens {left.sum()} of {of_thief.sum()} profiles" if left.any() else "",
        f"wrongly stopped: {_told(replayed[stopped])}" if stopped.any() else "",
        f"wrongly let in: {_told(replayed[let_in])}" if let_in.any() else "",
    ]
    said = "; ".join(filter(None, problems))
    require(not said, said)


def _opens_another(key_policy: Document, grant: Document | None) -> bool:
    """Whether the thief could read a profile that nobody has read that day."""
    another = "arn:aws:s3:::amber-customers/profiles/tomorrow.json"
    pairs = {"dataset": "profiles", "aws:s3:arn": another}
    with incident.morning_lab() as lab:
        kms, key_arn = lab.client("kms"), _keys()["customers"]
        kms.put_key_policy(KeyId=key_arn, Policy=json.dumps(key_policy))
        if grant:
            kms.create_grant(KeyId=key_arn, **grant)
        session = lab.role(ROLE.rpartition("/")[2]).session("render-2")
        return lab.would(session, "Decrypt", key_arn, pairs, via=S3).allowed


def _told(rows: pandas.DataFrame) -> str:
    """Whose calls they are, how many, and when the first was."""
    names = rows["role"].fillna(rows["principal"]).str.rpartition("/")[2]
    firsts = rows.groupby(names)["time"].agg(["size", "min"])
    told = [
        f"{name} ({row['size']}, first at {row['min'][11:19]})" for name, row in firsts.iterrows()
    ]
    return ", ".join(told)


def _key_policy() -> Document:
    with incident.morning_lab() as lab:
        text = lab.client("kms").get_key_policy(KeyId=_keys()["customers"])["Policy"]
    return dict(json.loads(text))
