"""What a writer says of its bytes, and whether it is true: Content-MD5 and the checksums of S3.

This follows the S3 User Guide ("Checking object integrity"). A checksum may come as a header or
behind the body, as a trailer; a writer that sends none gets CRC64NVME. Checksums are of the
plaintext, and are therefore kept sealed with the object's key.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from kmslab import errors
from kmslab.errors import IntegrityError
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.checksums import ALGORITHMS
from kmslab.services.s3.sealing import ObjectKey

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
DEFAULT = "CRC64NVME"
_PREFIX = "x-amz-checksum-"
# Known to S3's model and not to the lab.
_NOT_BUILT = ("MD5", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128")


class Claim(NamedTuple):
    """What the writer says: `algorithm` is the checksum to be kept, `given` its value in base64
    where a header said it, `in_trailer` that it comes behind the body, `md5` Content-MD5."""

    algorithm: str
    given: str = ""
    in_trailer: bool = False
    md5: str = ""

    @property
    def needed(self) -> frozenset[str]:
        """The checksums to be computed."""
        return frozenset((self.algorithm, "MD5") if self.md5 else (self.algorithm,))


def member_of(algorithm: str) -> str:
    """The parameter and answer member of a checksum: ChecksumCRC32."""
    return f"Checksum{algorithm}"


def read_claim(call: Call, expected: str = "") -> Claim:
    """The claim of a PutObject or UploadPart; `expected` is the algorithm of the upload, for
    parts. Raises InvalidRequest for claims that do not go together."""
    asked = call.parameters
    given = [name for name in ALGORITHMS if member_of(name) in asked]
    announced = _announced(call)
    named = asked.get("ChecksumAlgorithm", "").upper()
    if named and named not in (*ALGORITHMS, *_NOT_BUILT):
        raise refusals.invalid_request("Checksum algorithm provided is unsupported.")
    for name in _NOT_BUILT:
        if name == named or member_of(name) in asked:
            raise errors.not_built(f"The checksum {name}")
    if len(given) > 1 or (given and announced):
        raise refusals.invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    algorithm = announced or "".join(given) or expected or DEFAULT
    if named and (announced or given) and named != algorithm:
        raise refusals.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if expected and algorithm != expected:
        raise refusals.invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            f"actual checksum Type: {algorithm.lower()}"
        )
    value = asked[member_of(algorithm)] if given else ""
    return Claim(algorithm, value, bool(announced), _content_md5(asked))


def check_claim(call: Call, claim: Claim, digests: Mapping[str, bytes]) -> None:
    """Raises BadDigest where the bytes are not what the writer says."""
    if claim.md5 and digests["MD5"] != base64.b64decode(claim.md5):
        raise refusals.bad_digest("Content-MD5")
    given = claim.given
    if claim.in_trailer:
        trailers = getattr(call.content, "trailers", {})
        given = trailers.get(f"{_PREFIX}{claim.algorithm.lower()}", "")
        if not given:
            raise refusals.malformed_trailer()
    if given and given != spelled(digests[claim.algorithm]):
        raise refusals.bad_checksum(claim.algorithm)


def upload_checksum(asked: Mapping[str, Any]) -> tuple[str, str]:
    """The algorithm and type of the checksum that an upload in parts, or a copy, will have. Raises
    InvalidRequest for a type that the algorithm does not have."""
    algorithm = asked.get("ChecksumAlgorithm", DEFAULT).upper()
    if algorithm in _NOT_BUILT:
        raise errors.not_built(f"The checksum {algorithm}")
    if algorithm not in ALGORITHMS:
        raise refusals.invalid_request("Checksum algorithm provided is unsupported.")
    kind = asked.get("ChecksumType", FULL_OBJECT if algorithm == DEFAULT else COMPOSITE)
    wrong = algorithm == DEFAULT if kind == COMPOSITE else algorithm.startswith("SHA")
    if wrong or kind not in (COMPOSITE, FULL_OBJECT):
        raise refusals.invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum "
            "algorithm."
        )
    return algorithm, kind


def spelled(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def sealed_checksum(object_key: ObjectKey, checksum: str) -> str:
    """A checksum as a record keeps it."""
    return object_key.seal_text(checksum.encode("ascii")).hex()


def opened_checksum(object_key: ObjectKey, sealed: str) -> str:
    """The checksum. Raises InternalError for what was not sealed with this key."""
    try:
        return object_key.open_text(bytes.fromhex(sealed)).decode("ascii")
    except IntegrityError:
        raise refusals.damaged() from None


def _announced(call: Call) -> str:
    """The algorithm whose value comes behind the body."""
    named = [name.strip() for name in call.headers.get("x-amz-trailer", "").lower().split(",")]
    found = [name for name in ALGORITHMS if f"{_PREFIX}{name.lower()}" in named]
    return found[0] if found else ""


def _content_md5(asked: Mapping[str, Any]) -> str:
    given: str = asked.get("ContentMD5", "")
    if not given:
        return ""
    try:
        if len(base64.b64decode(given, validate=True)) == 16:
            return given
    except ValueError:
        pass
    raise refusals.invalid_digest()
