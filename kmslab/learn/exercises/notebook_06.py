"""The exercises of notebook 06: to the new material, a key put away, a cleaner by tags."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from kmslab.lab import Lab
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

SECRETS = (b"a lease", b"a will", b"a deed", b"a lease", b"a bond")


@exercise(
    "06-1",
    right="old ciphertexts move to the current material, the others stay as they are",
    hints=(
        "ReEncrypt can have the same key as its source and as its destination.",
        "The answer of re_encrypt tells SourceKeyMaterialId and DestinationKeyMaterialId.",
        "If the two are the same, return the blob that came, else answer['CiphertextBlob'].",
    ),
)
def renews(renew: Callable[..., Any]) -> None:
    lab = classroom_lab("06-1")
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blobs = _of_many_materials(kms, key_id)
    user = lab.user("archivist", _allowing("ReEncrypt*", "DescribeKey", "ListKeyRotations"))
    told = renew(lab.client("kms", user), key_id, list(blobs))
    require_kind(told, list, "a list is wanted")
    require(len(told) == len(blobs), f"{len(blobs)} ciphertexts came, and you return {len(told)}")
    current = kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"]
    for number, (before, after, secret) in enumerate(
        zip(blobs, told, SECRETS, strict=True), start=1
    ):
        _require_renewed(kms, number, before, after, secret, current)


def _of_many_materials(kms: Any, key_id: str) -> list[bytes]:
    """A ciphertext of each secret; the last two have the current material."""
    blobs = []
    for number, secret in enumerate(SECRETS):
        if number in (1, 3):
            kms.rotate_key_on_demand(KeyId=key_id)
        blobs.append(kms.encrypt(KeyId=key_id, Plaintext=secret)["CiphertextBlob"])
    return blobs


def _require_renewed(
    kms: Any, number: int, before: bytes, after: Any, secret: bytes, current: str
) -> None:
    try:
        opened = kms.decrypt(CiphertextBlob=after)
    except Exception:
        raise NotYet(f"ciphertext {number} does not open") from None
    require(opened["Plaintext"] == secret, f"ciphertext {number} holds another secret than before")
    has_current = opened["KeyMaterialId"] == current
    require(has_current, f"ciphertext {number} still has an old material")
    had_current = kms.decrypt(CiphertextBlob=before)["KeyMaterialId"] == current
    same = after == before or not had_current
    require(same, f"ciphertext {number} had the current material and was encrypted anew")


# Days since the key was made, and since it was last used (None: never); the state; what is to be
# done, and the state after it.
LIVES: tuple[tuple[int, int | None, str, str, str], ...] = (
    (400, 10, "Enabled", "kept", "Enabled"),
    (400, 89, "Enabled", "kept", "Enabled"),
    (400, 90, "Enabled", "disabled", "Disabled"),
    (400, 400, "Enabled", "disabled", "Disabled"),
    (89, None, "Enabled", "kept", "Enabled"),
    (90, None, "Enabled", "disabled", "Disabled"),
    (400, 120, "Disabled", "kept", "Disabled"),
    (400, 179, "Disabled", "kept", "Disabled"),
    (400, 180, "Disabled", "scheduled", "PendingDeletion"),
    (200, None, "Disabled", "scheduled", "PendingDeletion"),
    (400, 300, "PendingDeletion", "kept", "PendingDeletion"),
)


@exercise(
    "06-2",
    right=f"{len(LIVES)} keys are each treated as their age, use and state ask for",
    hints=(
        "get_key_last_usage tells KeyLastUsage, which is empty for a key that was never used.",
        "Then the days count from KeyCreationDate: told['KeyLastUsage'].get('Timestamp', ...).",
        "(now - last).days is the number of whole days. What does DescribeKey say of the state?",
        "Disable only an Enabled key; schedule only a Disabled one, with PendingWindowInDays=30.",
    ),
)
def puts_away(put_away: Callable[..., Any]) -> None:
    for age, idle, state, wanted, after in LIVES:
        lab = classroom_lab("06-2")
        kms = lab.client("kms")
        key_id = _key_with_life(lab, kms, age, idle, state)
        told = put_away(kms, key_id, datetime.fromtimestamp(lab.clock.now(), UTC))
        use = "never used" if idle is None else f"last used {idle} days ago"
        life = f"a key, {age} days old, {use}, {state}"
        require(told == wanted, f"{life}: you tell {told!r:.40}, not {wanted!r}")
        metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        is_state = metadata["KeyState"]
        require(is_state == after, f"{life}: it is {is_state} afterwards, not {after}")
        if wanted == "scheduled":
            now = datetime.fromtimestamp(lab.clock.now(), UTC)
            days = (metadata["DeletionDate"] - now).days + 1
            require(days == 30, f"{life}: it goes in {days} days, and the longest time is 30")


def _key_with_life(lab: Lab, kms: Any, age: int, idle: int | None, state: str) -> str:
    key_id: str = kms.create_key()["KeyMetadata"]["KeyId"]
    if idle is not None:
        lab.clock.advance(days=age - idle)
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    if state == "Disabled":
        kms.disable_key(KeyId=key_id)
    lab.clock.advance(days=age if idle is None else idle)
    if state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=30)
    return key_id


TAGS: tuple[dict[str, str], ...] = (
    {"stage": "test"},
    {"stage": "test", "owner": "cleo"},
    {"stage": "live"},
    {"stage": "Test"},
    {"owner": "test"},
    {},
)
ALLOWED, IDLE = ("DisableKey", "EnableKey", "ScheduleKeyDeletion"), 30
FORBIDDEN = ("TagResource", "UntagResource", "PutKeyPolicy", "Decrypt", "CancelKeyDeletion")


@exercise(
    "06-3",
    right=f"{len(TAGS)} keys, {len(ALLOWED) + len(FORBIDDEN)} operations and two ages are decided "
    "as they should",
    hints=(
        "aws:ResourceTag/stage is the tag stage of the key that is asked about.",
        "Two statements: the idle days are known for ScheduleKeyDeletion, never for EnableKey.",
        "Both conditions of one statement must hold: put StringEquals and "
        "NumericGreaterThanEquals into the same Condition.",
    ),
)
def cleans_by_tags(cleaner_policy: Callable[[], Any]) -> None:
    policy = cleaner_policy()
    require_kind(policy, dict, "a dictionary is wanted")
    lab = classroom_lab("06-3")
    try:
        user = lab.user("cleaner", policy)
    except ValueError as problem:
        raise NotYet(f"this is no policy: {problem}") from None
    kms = lab.client("kms")
    key_ids = [_tagged(kms, tags) for tags in TAGS]
    for days in (IDLE - 1, IDLE):
        lab.clock.advance(days=IDLE - 1 if days < IDLE else 1)
        for tags, key_id in zip(TAGS, key_ids, strict=True):
            for operation in (*ALLOWED, *FORBIDDEN):
                of_test = tags.get("stage") == "test" and operation in ALLOWED
                wanted = of_test and (operation != "ScheduleKeyDeletion" or days >= IDLE)
                given = lab.would(user, operation, key_id).allowed
                asked = f"{operation} of a key with the tags {tags}, {days} days after its last use"
                require(given or not wanted, f"denied, but wanted: {asked}")
                require(wanted or not given, f"allowed, but not wanted: {asked}")
    _require_really(lab, user, key_ids[0])


def _require_really(lab: Lab, user: Any, key_id: str) -> None:
    """The same once for real."""
    kms = lab.client("kms", user)
    try:
        kms.disable_key(KeyId=key_id)
        kms.schedule_key_deletion(KeyId=key_id)
    except ClientError as refusal:
        raise NotYet(f"a call for real is refused: {refusal}") from None


def _tagged(kms: Any, tags: dict[str, str]) -> str:
    pairs = [{"TagKey": name, "TagValue": value} for name, value in tags.items()]
    key_id: str = kms.create_key(Tags=pairs)["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    return key_id


def _allowing(*names: str) -> dict[str, Any]:
    actions = [f"kms:{name}" for name in names]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
