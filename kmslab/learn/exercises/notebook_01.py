"""The exercises of notebook 01: listing keys, reading their names and their states."""

from collections.abc import Callable
from typing import Any

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

MANY = 130
PAGE = 100


@exercise(
    "01-1",
    right=f"every key is listed once, also {MANY} of them in one account",
    hints=(
        "How many keys does one call of list_keys return, and how does it say that there are more?",
        "get_paginator('list_keys').paginate() yields one page after the other.",
        "Collect entry['KeyId'] of every entry in page['Keys'], for every page.",
    ),
)
def lists_every_key_once(all_key_ids: Callable[[Any], Any]) -> None:
    for wanted in (0, 3, MANY):
        kms = _client_with_short_pages(classroom_lab(seed="01-1"))
        made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(wanted)}
        found = all_key_ids(kms)
        _require_ids(found)
        missing = len(made - set(found))
        _require_none_missing(missing, wanted, "keys")
        extra = len(found) - wanted
        require(not extra, f"of {wanted} keys you list {extra} more than there are")


@exercise(
    "01-2",
    right="ids, ARNs and aliases all lead to the id, and a name without a key leads to None",
    hints=(
        "Which operation takes all four forms of a name and describes what it finds?",
        "The id stands in describe_key(...)['KeyMetadata']['KeyId'].",
        "A name that means nothing raises kms.exceptions.NotFoundException: catch just that.",
    ),
)
def finds_the_key_behind_a_name(key_id_of: Callable[[Any, str], Any]) -> None:
    lab = classroom_lab(seed="01-2")
    kms = lab.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/of-this", TargetKeyId=metadata["KeyId"])
    alias_arn = kms.list_aliases()["Aliases"][0]["AliasArn"]
    forms = {
        "a key id": metadata["KeyId"],
        "a key ARN": metadata["Arn"],
        "an alias name": "alias/of-this",
        "an alias ARN": alias_arn,
    }
    for form, name in forms.items():
        found = key_id_of(kms, name)
        require(found == metadata["KeyId"], f"for {form} the id is wanted, and you give {found!r}")
    for name in ("alias/of-nothing", "00000000-0000-4000-8000-000000000000", "nonsense"):
        found = key_id_of(kms, name)
        require(found is None, f"{name!r} means no key, so None is wanted and not {found!r}")
    _require_that_other_refusals_pass(key_id_of, lab, metadata["KeyId"])


def _require_that_other_refusals_pass(
    key_id_of: Callable[[Any, str], Any], lab: Any, key_id: str
) -> None:
    stranger = lab.client("kms", lab.user("stranger"))
    try:
        found = key_id_of(stranger, key_id)
    except stranger.exceptions.ClientError:
        return
    as_if = "as if the key did not exist" if found is None else "though AWS refuses to tell"
    raise NotYet(f"a caller without permission gets {found!r}, {as_if}")


@exercise(
    "01-3",
    right="only enabled customer managed keys count, on every page",
    hints=(
        "list_keys tells no state. Which operation does, for one key?",
        "Two members of KeyMetadata decide: KeyState and KeyManager.",
        "Count a key if KeyState is 'Enabled' and KeyManager is 'CUSTOMER'; turn all pages.",
    ),
)
def lists_the_keys_that_work(usable_key_ids: Callable[[Any], Any]) -> None:
    kms = _client_with_short_pages(classroom_lab(seed="01-3"))
    made = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(MANY)]
    aws_managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    disabled, scheduled, enabled = made[:2], made[2:4], made[4:]
    for key_id in disabled:
        kms.disable_key(KeyId=key_id)
    for key_id in scheduled:
        kms.schedule_key_deletion(KeyId=key_id)
    found = usable_key_ids(kms)
    _require_ids(found)
    require(not set(disabled) & set(found), "a disabled key encrypts nothing")
    require(not set(scheduled) & set(found), "a key that waits for deletion encrypts nothing")
    require(aws_managed not in found, "aws/s3 works through S3 only, and AWS manages it")
    missing = len(set(enabled) - set(found))
    _require_none_missing(missing, len(enabled), "usable keys")
    extra = len(found) - len(enabled)
    require(not extra, f"of {len(enabled)} usable keys you list {extra} more than there are")


def _client_with_short_pages(lab: Any) -> Any:
    """A client whose pages hold a hundred keys at most, whatever Limit is asked for.

    KMS may put fewer keys on a page than Limit allows. To ask for a long page is therefore no
    way around the next one.
    """
    kms = lab.client("kms")
    kms.meta.events.register("provide-client-params.kms.ListKeys", _shorten)
    return kms


def _shorten(
    params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
) -> dict[str, Any]:
    asked = params.get("Limit")
    return {**params, "Limit": PAGE} if isinstance(asked, int) and asked > PAGE else params


def _require_none_missing(missing: int, wanted: int, keys: str) -> None:
    one_page = wanted > PAGE and missing < wanted
    pages = "; one page need not hold them all, whatever its Limit" if one_page else ""
    require(not missing, f"{missing} of {wanted} {keys} are missing{pages}")


def _require_ids(found: Any) -> None:
    require_kind(found, list, "a list is wanted")
    for entry in found:
        require(not isinstance(entry, dict), "you return dictionaries, not ids")
        require(isinstance(entry, str), f"ids are wanted, and you list a {type(entry).__name__}")
