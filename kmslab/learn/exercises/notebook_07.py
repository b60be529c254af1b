"""The exercises of notebook 07: to wrap, to look ahead, and to bring back what is gone."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
ALGORITHMS = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")


@exercise(
    "07-1",
    right="KMS unwraps both, and makes the same codes with them as their owner",
    hints=(
        "given['PublicKey'] is in DER: serialization.load_der_public_key reads it.",
        "padding.OAEP wants a hash function in two places: in MGF1(...) and as algorithm.",
        "Both are hashes.SHA1() for RSAES_OAEP_SHA_1 and hashes.SHA256() for RSAES_OAEP_SHA_256.",
    ),
)
def wraps_for_kms(wrap_for: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="07-1")
    kms = lab.client("kms")
    for algorithm in ALGORITHMS:
        key_id = _hmac_key(kms)
        secret = lab.random(32)
        given = _parameters(kms, key_id, algorithm)
        wrapped = wrap_for(given, algorithm, secret)
        require_kind(wrapped, bytes, "bytes are wanted")
        require(secret not in wrapped, "the secret can be read in what you return")
        _import_wrapped(kms, key_id, given, wrapped, algorithm)
        code = kms.generate_mac(KeyId=key_id, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
        same = code == hmac.digest(secret, b"m", "sha256")
        require(same, f"with {algorithm} KMS unwraps something else than the secret")


def _hmac_key(kms: Any) -> str:
    return str(
        kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")[
            "KeyMetadata"
        ]["KeyId"]
    )


def _import_wrapped(kms: Any, key_id: str, given: Any, wrapped: bytes, algorithm: str) -> None:
    try:
        kms.import_key_material(
            KeyId=key_id, ImportToken=given["ImportToken"], EncryptedKeyMaterial=wrapped, **NEVER
        )
    except (ClientError, ParamValidationError) as refusal:
        code = getattr(refusal, "response", {}).get("Error", {}).get("Code", "it is empty")
        size = len(wrapped)
        raise NotYet(f"KMS does not take your {size} bytes for {algorithm}: {code}") from None


# --- 07-2 ---------------------------------------------------------------------------------

PLAIN_KEYS = 105
# Days until the material of a key ends; None for one that does not end.
ENDS = (20, 3, None, 10, 7)
WITHIN = 10


@exercise(
    "07-2",
    right=f"of {PLAIN_KEYS + len(ENDS) + 3} keys the 3 that end within {WITHIN} days, in order",
    hints=(
        "Which member of KeyMetadata says when imported material ends? It is not always there.",
        "list_keys tells no more than ids, 100 at a time: get_paginator, then describe_key.",
        "Collect (metadata['ValidTo'], key_id) where 'ValidTo' in metadata, and sort.",
    ),
)
def looks_ahead(ending_soon: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="07-2")
    kms = lab.client("kms")
    for _ in range(PLAIN_KEYS):
        kms.create_key()
    # One waits for its first material, of one it is deleted, and of one it has expired.
    _external(kms)
    deleted, expired = (_external(kms) for _ in range(2))
    _bring(kms, deleted, lab.random(32), ValidTo=_now(lab) + timedelta(days=2))
    kms.delete_imported_key_material(KeyId=deleted)
    _bring(kms, expired, lab.random(32), ValidTo=_now(lab) + timedelta(hours=1))
    lab.clock.advance(hours=2)
    now, made = _now(lab), {}
    for days in ENDS:
        made[days] = _external(kms)
        terms = NEVER if days is None else {"ValidTo": now + timedelta(days=days)}
        _bring(kms, made[days], lab.random(32), **terms)
    found = ending_soon(kms, now, WITHIN)
    require_kind(found, list, "a list is wanted")
    _require_right(found, made)
    require(not ending_soon(kms, now, 0), "within 0 days no material ends, and you find some")


def _require_right(found: list[Any], made: dict[int | None, str]) -> None:
    wanted = [made[days] for days in sorted(days for days in ENDS if days and days <= WITHIN)]
    names = {key_id: f"in {days} days" for days, key_id in made.items()}
    missing = [names[key_id] for key_id in wanted if key_id not in found]
    require(not missing, f"a key is missing whose material ends {' and '.join(missing)}")
    extra = len([key_id for key_id in found if key_id not in wanted])
    require(not extra, f"{extra} of the keys that you list do not end within {WITHIN} days")
    require(found == wanted, "the right keys, but not in order, or not each of them once")


# --- 07-3 ---------------------------------------------------------------------------------


@exercise(
    "07-3",
    right="the key works again, all its files open, and no stranger was let in",
    hints=(
        "KMS itself can tell what belongs to the key: which error does it have for the rest?",
        "ImportType='EXISTING_KEY_MATERIAL' lets nothing new in.",
        "One answer of get_parameters_for_import is good for several imports.",
        "Catch kms.exceptions.IncorrectKeyMaterialException, and go on with the next secret.",
    ),
)
def brings_it_all_back(bring_back: Callable[..., Any]) -> None:
    for number, gone in enumerate(((0, 2), (1,), ()), start=1):
        lab = classroom_lab(seed=f"07-3 {number}")
        kms = lab.client("kms")
        key_id = _external(kms)
        own = [lab.random(32) for _ in range(3)]
        files, ids = _with_materials(kms, key_id, own)
        for each in gone:
            kms.delete_imported_key_material(KeyId=key_id, KeyMaterialId=ids[each])
        strangers = [lab.random(32) for _ in range(3)]
        safe = [strangers[0], own[2], strangers[1], own[0], own[1], strangers[2]]
        told = bring_back(kms, key_id, list(safe))
        _require_whole(kms, key_id, files)
        right = type(told) is int and told == len(own)
        require(right, f"{len(own)} of {len(safe)} secrets belong to the key; you say {told!r:.60}")


def _with_materials(kms: Any, key_id: str, own: list[bytes]) -> tuple[list[bytes], list[str]]:
    """A file under each of the materials, which become current one after the other, and the ids of
    these."""
    files, ids = [], []
    for place, secret in enumerate(own):
        kind = {"ImportType": "NEW_KEY_MATERIAL", **NEVER}
        ids.append(str(_bring(kms, key_id, secret, **kind)["KeyMaterialId"]))
        if place:
            kms.rotate_key_on_demand(KeyId=key_id)
        files.append(kms.encrypt(KeyId=key_id, Plaintext=b"a file")["CiphertextBlob"])
    return files, ids


def _require_whole(kms: Any, key_id: str, files: list[bytes]) -> None:
    asked = {"KeyId": key_id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    known = kms.list_key_rotations(**asked)["Rotations"]
    missing = sum(each["ImportState"] != "IMPORTED" for each in known)
    require(not missing, f"{missing} of the key's {len(files)} materials are still missing")
    more = len(known) - len(files)
    require(not more, "a secret that does not belong to the key was brought to it as new material")
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    require("ValidTo" not in metadata, "what you brought expires; it should not")
    for file in files:
        kms.decrypt(CiphertextBlob=file)


# --- What the checks do themselves --------------------------------------------------------


def _now(lab: Any) -> datetime:
    return datetime.fromtimestamp(lab.clock.now(), UTC)


def _external(kms: Any) -> str:
    return str(kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"])


def _parameters(kms: Any, key_id: str, algorithm: str = ALGORITHMS[0]) -> Any:
    return kms.get_parameters_for_import(
        KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
    )


def _bring(kms: Any, key_id: str, secret: bytes, **terms: Any) -> Any:
    given = _parameters(kms, key_id)
    public_key = serialization.load_der_public_key(given["PublicKey"])
    assert isinstance(public_key, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None)
    return kms.import_key_material(
        KeyId=key_id,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=public_key.encrypt(secret, oaep),
        **terms,
    )
