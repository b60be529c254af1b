"""Typical wrong answers to the exercises of notebook 07, each with the mistake it makes."""

import base64
from datetime import timedelta

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding


def _encrypted(given, secret, way):
    return serialization.load_der_public_key(given["PublicKey"]).encrypt(secret, way)


def _oaep(mask, algorithm):
    return padding.OAEP(padding.MGF1(mask), algorithm, label=None)


def always_sha256(given, algorithm, secret):
    return _encrypted(given, secret, _oaep(hashes.SHA256(), hashes.SHA256()))


def always_sha1(given, algorithm, secret):
    return _encrypted(given, secret, _oaep(hashes.SHA1(), hashes.SHA1()))


def two_hash_functions(given, algorithm, secret):
    kind = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return _encrypted(given, secret, _oaep(hashes.SHA1(), kind))


def the_old_padding(given, algorithm, secret):
    return _encrypted(given, secret, padding.PKCS1v15())


def wrapped_as_text(given, algorithm, secret):
    return base64.b64encode(always_sha256(given, algorithm, secret)).decode()


def base64_of_it(given, algorithm, secret):
    kind = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return base64.b64encode(_encrypted(given, secret, _oaep(kind, kind)))


def hex_of_the_secret(given, algorithm, secret):
    kind = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    return _encrypted(given, secret.hex().encode(), _oaep(kind, kind))


def not_wrapped(given, algorithm, secret):
    return secret


def nothing(*_):
    return b""


def _ends(kms, pages):
    for page in pages:
        for entry in page["Keys"]:
            metadata = kms.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
            if "ValidTo" in metadata:
                yield metadata["ValidTo"], entry["KeyId"]


def _all_ends(kms):
    return list(_ends(kms, kms.get_paginator("list_keys").paginate()))


def first_page_only(kms, now, days):
    limit = now + timedelta(days=days)
    found = _ends(kms, [kms.list_keys(Limit=20)])
    return [key_id for end, key_id in sorted(found) if end <= limit]


def every_end(kms, now, days):
    return [key_id for _, key_id in sorted(_all_ends(kms))]


def in_no_order(kms, now, days):
    limit = now + timedelta(days=days)
    return sorted(key_id for end, key_id in _all_ends(kms) if end <= limit)


def latest_first(kms, now, days):
    limit = now + timedelta(days=days)
    return [key_id for end, key_id in sorted(_all_ends(kms), reverse=True) if end <= limit]


def strictly_before(kms, now, days):
    limit = now + timedelta(days=days)
    return [key_id for end, key_id in sorted(_all_ends(kms)) if end < limit]


def with_the_times(kms, now, days):
    limit = now + timedelta(days=days)
    return [pair for pair in sorted(_all_ends(kms)) if pair[0] <= limit]


def expects_an_end(kms, now, days):
    for entry in kms.list_keys()["Keys"]:
        if kms.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]["ValidTo"] <= now:
            return [entry["KeyId"]]
    return []


def waiting_keys(kms, now, days):
    found = []
    for page in kms.get_paginator("list_keys").paginate():
        for entry in page["Keys"]:
            metadata = kms.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
            if metadata["Origin"] == "EXTERNAL":
                found.append(entry["KeyId"])
    return found


def _tried(kms, key_id, safe, **asked):
    """Tries each secret; True for one that KMS took."""
    given = kms.get_parameters_for_import(
        KeyId=key_id, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    terms = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", **asked}
    for secret in safe:
        wrapped = _encrypted(given, secret, _oaep(hashes.SHA256(), hashes.SHA256()))
        token = given["ImportToken"]
        try:
            kms.import_key_material(
                KeyId=key_id, ImportToken=token, EncryptedKeyMaterial=wrapped, **terms
            )
            yield True
        except kms.exceptions.IncorrectKeyMaterialException:
            yield False


def stops_at_the_first_stranger(kms, key_id, safe):
    count = 0
    for belongs in _tried(kms, key_id, safe):
        if not belongs:
            break
        count += 1
    return count


def stops_when_one_fits(kms, key_id, safe):
    return int(any(_tried(kms, key_id, safe)))


def counts_the_safe(kms, key_id, safe):
    return len(list(_tried(kms, key_id, safe)))


def brings_as_new(kms, key_id, safe):
    return sum(_tried(kms, key_id, safe[:1], ImportType="NEW_KEY_MATERIAL"))


def brings_strangers_too(kms, key_id, safe):
    belong = sum(_tried(kms, key_id, safe))
    list(_tried(kms, key_id, safe[:1], ImportType="NEW_KEY_MATERIAL"))
    return belong


def lets_it_expire(kms, key_id, safe):
    made = kms.describe_key(KeyId=key_id)["KeyMetadata"]["CreationDate"]
    end = {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": made + timedelta(days=30)}
    return sum(_tried(kms, key_id, safe, **end))


def tells_nothing(kms, key_id, safe):
    list(_tried(kms, key_id, safe))


def gives_up(kms, key_id, safe):
    return 0


WRONG = {
    "07-1": [
        ("forgets SHA-1", always_sha256),
        ("forgets SHA-256", always_sha1),
        ("leaves the mask at SHA-1", two_hash_functions),
        ("uses the padding of PKCS #1 v1.5", the_old_padding),
        ("returns text", wrapped_as_text),
        ("returns base64", base64_of_it),
        ("wraps the hex digits", hex_of_the_secret),
        ("wraps nothing", not_wrapped),
        ("returns no bytes", nothing),
    ],
    "07-2": [
        ("looks at one page", first_page_only),
        ("lists what ends later as well", every_end),
        ("sorts by id", in_no_order),
        ("sorts the wrong way round", latest_first),
        ("leaves out the last moment", strictly_before),
        ("returns the times as well", with_the_times),
        ("expects an end of every key", expects_an_end),
        ("lists all imported keys", waiting_keys),
    ],
    "07-3": [
        ("stops at the first stranger", stops_at_the_first_stranger),
        ("stops when one fits", stops_when_one_fits),
        ("counts the whole safe", counts_the_safe),
        ("brings a stranger as new material", brings_as_new),
        ("brings a stranger besides", brings_strangers_too),
        ("lets the materials expire", lets_it_expire),
        ("returns nothing", tells_nothing),
        ("brings nothing", gives_up),
    ],
}
