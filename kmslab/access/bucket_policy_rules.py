"""What S3 demands of a bucket policy beyond the grammar: it speaks of its own bucket only.

Amazon S3 User Guide, "Policies and permissions in Amazon S3". The refusals are S3's. How statements
are compiled, and what they then mean, is not known here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kmslab.access.policy_document import (
    DOCUMENT_ELEMENTS,
    STATEMENT_ELEMENTS,
    VERSIONS,
    both,
    policy_document,
    statements_of,
)
from kmslab.access.principal_element import principal_element
from kmslab.access.wildcards import Matches, wildcard
from kmslab.arn import bucket_arn
from kmslab.errors import PolicyError

_LARGEST = 20_480
_S3_ACTION = re.compile(r"\*|s3:[a-z0-9*?-]+", re.ASCII | re.IGNORECASE)

# Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3": the
# actions on objects. Every other action is on the bucket.
_ON_OBJECTS = frozenset(
    f"s3:{name}".lower()
    for name in (
        *("AbortMultipartUpload", "BypassGovernanceRetention", "ListMultipartUploadParts"),
        *("DeleteObject", "DeleteObjectTagging", "DeleteObjectVersion"),
        *("DeleteObjectVersionTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes"),
        *("GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent"),
        *("GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionAttributes"),
        *("GetObjectVersionForReplication", "GetObjectVersionTagging"),
        *("GetObjectVersionTorrent", "InitiateReplication", "ObjectOwnerOverrideToBucketOwner"),
        *("PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention"),
        *("PutObjectTagging", "PutObjectVersionAcl", "PutObjectVersionTagging"),
        *("ReplicateDelete", "ReplicateObject", "ReplicateTags", "RestoreObject"),
        "UpdateObjectEncryption",
    )
)


def bucket_policy_document(text: str, bucket_name: str) -> dict[str, Any]:
    """The document that `text` is, once S3 would take it for this bucket, as far as S3 demands
    more than the grammar. Raises PolicyError in S3's words."""
    if len(text.encode()) > _LARGEST:
        raise PolicyError("Policy exceeds the maximum allowed document size.")
    with in_words_of_s3("Policies must be valid JSON and the first byte must be '{'"):
        document = policy_document(text)
        if text[0] != "{":
            raise PolicyError("Policy begins with white space.", "line 1")
    _refuse_unknown(document, DOCUMENT_ELEMENTS, "document")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise PolicyError("The policy must contain a valid version string", "Version")
    if "Statement" not in document:
        raise PolicyError("Missing required field Statement")
    with in_words_of_s3("Could not parse the policy: Statement is empty!"):
        statements = statements_of(document)
    for number, statement in enumerate(statements, start=1):
        _check_statement(statement, bucket_arn(bucket_name), f"statement {number}")
    return document


@contextmanager
def in_words_of_s3(message: str) -> Iterator[None]:
    """Let a PolicyError that is raised inside say `message`; its own goes to its place."""
    try:
        yield
    except PolicyError as problem:
        place = ": ".join(filter(None, (problem.place, str(problem))))
        raise PolicyError(message, place) from None


def _check_statement(statement: Any, bucket: str, place: str) -> None:
    if not isinstance(statement, dict):
        raise PolicyError("Invalid policy syntax.", place)
    _refuse_unknown(statement, STATEMENT_ELEMENTS, place)
    _require_fields(statement, place)
    with in_words_of_s3("Invalid principal in policy"):
        principal_element(statement, place)
    with in_words_of_s3("Invalid policy syntax."):
        actions, not_actions = both(statement, "Action", place)
        resources, not_resources = both(statement, "Resource", place)
    if not all(_S3_ACTION.fullmatch(action) for action in (*actions, *not_actions)):
        raise PolicyError("Policy has invalid action", f"{place}, Action")
    if not all(_lies_in(bucket, resource) for resource in (*resources, *not_resources)):
        raise PolicyError("Policy has invalid resource", f"{place}, Resource")
    if resources:
        kinds = {resource == bucket for resource in resources}
        for action in actions:
            _require_resource(action, kinds, place)


def _refuse_unknown(element: dict[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := element.keys() - known:
        raise PolicyError(f"Unknown field {min(unknown)[:100]}", place)


def _require_fields(statement: dict[str, Any], place: str) -> None:
    if "Effect" not in statement:
        raise PolicyError("Missing required field Effect", place)
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise PolicyError("Missing required field Principal", place)
    for field in ("Action", "Resource"):
        if not (statement.get(field) or statement.get(f"Not{field}")):
            raise PolicyError(f"Missing required field {field}", place)


def _lies_in(bucket: str, resource: str) -> bool:
    """Whether it is the bucket or a pattern of what lies in it. A pattern that could mean another
    bucket as well is refused."""
    return resource == bucket or resource.startswith(f"{bucket}/")


def _require_resource(action: str, kinds: set[bool], place: str) -> None:
    """A statement about an action needs a resource that the action can be about: the bucket
    (True) or objects (False). A pattern of actions may be about the bucket too."""
    on_objects = _names_object_action(wildcard(action, ignore_case=True))
    on_bucket = not on_objects or "*" in action or "?" in action
    if not ((on_objects and False in kinds) or (on_bucket and True in kinds)):
        raise PolicyError(
            "Action does not apply to any resource(s) in statement", f"{place}, {action[:100]}"
        )


def _names_object_action(matches: Matches) -> bool:
    return any(matches(name) for name in _ON_OBJECTS)
