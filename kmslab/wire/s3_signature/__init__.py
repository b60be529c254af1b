"""Who signed a request to S3: by Signature Version 4 or 2, in a header or in the query.

`header_version_4` and `presigned_version_4` read where a signature of Version 4 stands, `version_4`
checks it; `version_2` does both for the older kind. The time is the operating system's: real
clients sign with it. What the sender may do is not known here, nor is the body, which comes later:
`aws_chunked` holds it against what was signed of it.
"""

from kmslab.wire.message import Request
from kmslab.wire.s3_signature import (
    header_version_4,
    payload_hashes,
    presigned_version_4,
    refusals,
    version_2,
)
from kmslab.wire.s3_signature.query_strings import fields_of
from kmslab.wire.s3_signature.verified import Verified
from kmslab.wire.signing import FindCredential

__all__ = ["Verified", "verify"]


def verify(
    request: Request,
    find_credential: FindCredential,
    expected_region: str | None = None,
    bucket_of_host: str = "",
) -> Verified:
    """Who signed `request`, or that nobody did; whoever is named has shown knowledge of the secret
    access key.

    `expected_region` is the Region that must have been signed for, None where any will do;
    `bucket_of_host` the bucket that the host name names, "" where the path does. Raises the
    refusals of S3's authentication; InvalidArgument for a request that is signed in two ways.
    """
    fields = fields_of(request.query)
    authorization, names = request.headers.get("authorization"), dict(fields)
    presigned = presigned_version_4.is_presigned(names)
    presigned_2 = version_2.is_presigned(names)
    if presigned + presigned_2 + (authorization is not None) > 1:
        raise refusals.only_one_mechanism(authorization or "")
    if presigned:
        return presigned_version_4.verify(request, fields, find_credential, expected_region)
    if authorization is not None and not authorization.startswith("AWS "):
        return header_version_4.verify(request, fields, find_credential, expected_region)
    verified = Verified()
    if authorization is not None or presigned_2:
        version_2.check_region(expected_region)
        if presigned_2:
            verified = version_2.verify_query(request, fields, find_credential, bucket_of_host)
        else:
            verified = version_2.verify_header(request, find_credential, bucket_of_host)
    # Neither Version 2 nor nobody signs a word about the body; what is said of it holds.
    headers = {**verified.headers, **request.headers}
    said = headers.get("x-amz-content-sha256", "")
    return verified._replace(payload_hash=payload_hashes.without_version_4(said))
