"""CloudTrail's records, as far as an auditor's table needs them, read fast.

A log file is one JSON object with a list of records (CloudTrail User Guide, "CloudTrail record
contents"). Members that no column needs are passed over unread. A record of an unknown shape costs
that record and not its file; a text that is no log file at all is refused. Where the text came
from is not known here.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

_NOTHING = Raw(b"")


class Issuer(Struct, gc=False):
    """The role, or user, that a session's credentials came from."""

    arn: str | None = None


class SessionContext(Struct, gc=False):
    sessionIssuer: Issuer | None = None


class Identity(Struct, gc=False):
    """userIdentity: who called."""

    arn: str | None = None
    principalId: str | None = None
    accountId: str | None = None
    accessKeyId: str | None = None
    invokedBy: str | None = None
    sessionContext: SessionContext | None = None


class Resource(Struct, gc=False):
    ARN: str | None = None
    type: str | None = None


class Parameters(Struct, gc=False):
    """What was asked for, unread: few records say the same under these names."""

    keyId: Raw = _NOTHING
    encryptionContext: Raw = _NOTHING
    sourceEncryptionContext: Raw = _NOTHING


class Record(Struct, gc=False):
    """One call. What hundreds of records say in the same bytes is left unread here, for whoever
    reads it once for all of them: who called, with what, about what, and when."""

    eventTime: str
    eventSource: str
    eventName: str
    awsRegion: str
    eventID: str
    userIdentity: Raw = _NOTHING
    recipientAccountId: str | None = None
    requestParameters: Raw = _NOTHING
    resources: Raw = _NOTHING
    readOnly: bool | None = None
    errorCode: str | None = None
    errorMessage: str | None = None
    sourceIPAddress: str | None = None
    userAgent: str | None = None
    requestID: str | None = None
    sharedEventID: str | None = None


class _Strict(Record, gc=False):
    """A record with all its members read."""

    eventTime: datetime  # type: ignore[assignment]
    userIdentity: Identity = msgspec.field(default_factory=Identity)  # type: ignore[assignment]
    requestParameters: Parameters | None = None  # type: ignore[assignment]
    resources: list[Resource] | None = None  # type: ignore[assignment]


class _File(Struct):
    Records: list[Record]


class _StrictFile(Struct):
    Records: list[_Strict]


class _AnyFile(Struct):
    Records: list[Raw]


class Refused(NamedTuple):
    """A record that could not be read: its place in the file, from 1, and why."""

    number: int
    why: str


NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
_read_file = msgspec.json.Decoder(_File).decode
_read_strict_file = msgspec.json.Decoder(_StrictFile).decode
_read_any_file = msgspec.json.Decoder(_AnyFile).decode
_read_record = msgspec.json.Decoder(Record).decode
_read_strict_record = msgspec.json.Decoder(_Strict).decode

read_identity = msgspec.json.Decoder(Identity).decode
read_parameters = msgspec.json.Decoder(Parameters | None).decode
read_resources = msgspec.json.Decoder(list[Resource] | None).decode


def read_time(text: str) -> datetime:
    """A record's eventTime. Raises msgspec.ValidationError."""
    return msgspec.convert(text, datetime)


def read_quickly(text: bytes) -> list[Record]:
    """The records of a log file, if nothing is wrong with it. Raises one of NO_JSON where anything
    is, or may be; what is left unread in the records may be wrong as well."""
    return _read_file(text).Records


def read_records(text: bytes) -> tuple[list[Record], list[Refused]]:
    """The records of a log file, and those that cannot be read; every member is looked at. Raises
    ValueError for a text that is no log file."""
    try:
        try:
            _read_strict_file(text)
            return _read_file(text).Records, []
        except msgspec.ValidationError:
            return _one_by_one(_read_any_file(text).Records)
    except msgspec.ValidationError:
        raise ValueError("it has no list of Records") from None
    except NO_JSON:
        return _one_by_one(_listed(text))


def _listed(text: bytes) -> list[str]:
    """The records of a text that is odd somewhere. Python's reader takes what msgspec does not:
    half of a surrogate pair, as a text has it that was cut to its greatest length."""
    try:
        members = json.loads(text.decode())
    except (ValueError, RecursionError):
        raise ValueError("it is not a JSON text") from None
    listed = members.get("Records") if isinstance(members, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it has no list of Records")
    return [json.dumps(each, ensure_ascii=False) for each in listed]


def _one_by_one(listed: Iterable[Raw | str]) -> tuple[list[Record], list[Refused]]:
    read, refused = [], []
    for number, each in enumerate(listed, 1):
        try:
            _read_strict_record(each)
            read.append(_read_record(each))
        except NO_JSON as reason:
            refused.append(Refused(number, str(reason)))
    return read, refused


def parsed(raw: Raw) -> Any:
    """What an unread member says; None for one that is not there, or says nothing readable."""
    try:
        return msgspec.json.decode(raw)
    except NO_JSON:
        return None
