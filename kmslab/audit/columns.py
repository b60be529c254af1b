"""The columns of the audit table, and how records fill them.

`COLUMNS` says what stands in each. Rows are collected as Arrow columns: what repeats (names,
identities, parameters, encryption contexts) is read and kept once and stands in the rows as a
number. Where records came from is not known here, nor what becomes of the rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pyarrow

from kmslab.audit.records import Record
from kmslab.audit.words import (
    Readings,
    Times,
    Words,
    of_error,
    of_identity,
    of_name,
    of_parameters,
    of_resources,
)

COLUMNS = {
    "time": "when the call was made, to the second, in UTC (eventTime)",
    "account": "the account whose trail tells of it (recipientAccountId)",
    "region": "where it was made (awsRegion)",
    "principal": "who called: the ARN of a user or of a role's session, the name of a service that "
    "calls for itself, the id of a stranger from another account (userIdentity)",
    "role": "of a session the role it came from (sessionIssuer)",
    "invoked_by": "the service that made the call in the principal's name (invokedBy)",
    "operation": "service and operation, as the record names them: kms:Decrypt (eventSource, "
    "eventName); the right that it needs may have another name",
    "key_arn": "the KMS key; of ReEncrypt the one that opened the ciphertext",
    "alias": "the alias that the call named, or else the newest that the table's own events give "
    "the key and leave it",
    "encryption_context": "its pairs, as a dict; of ReEncrypt those of the old ciphertext",
    "resources": "the ARNs of all that was concerned, as a tuple",
    "read_only": "whether the call changes nothing; decrypting counts as reading (readOnly)",
    "outcome": "ok, denied (the caller may not) or failed (it does not work)",
    "error": "the error code, where it was not ok (errorCode)",
    "error_message": "what the caller was told (errorMessage)",
    "source_ip": "the caller's address, or the name of the service that calls (sourceIPAddress)",
    "user_agent": "the caller's program (userAgent)",
    "access_key_id": "the id of the credentials that signed the call (accessKeyId)",
    "request_id": "the id of the request, the same in the caller's answer (requestID)",
    "event_id": "the id of this record (eventID)",
    "shared_event_id": "the same in every account that is told of one call (sharedEventID)",
    "file": "the log file that the record was read from; none for live events and LookupEvents",
}

_WORD = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
_TEXT = pyarrow.large_string()
_TYPES = {
    "time": pyarrow.timestamp("us", "UTC"),
    "read_only": pyarrow.bool_(),
    **dict.fromkeys(("error_message", "request_id", "event_id", "shared_event_id"), _TEXT),
}
SCHEMA = pyarrow.schema([(name, _TYPES.get(name, _WORD)) for name in COLUMNS])
"""Of collected rows. Encryption contexts and resources are JSON texts."""


class Rows:
    """Records taken in, file by file, until they are a batch of Arrow columns."""

    def __init__(self) -> None:
        self._words = {name: Words() for name in COLUMNS if name not in _TYPES}
        self._times = Times()
        self._operations = self._readings(of_name, "operation")
        self._identities = self._readings(
            of_identity, "principal", "role", "invoked_by", "access_key_id"
        )
        self._parameters = self._readings(of_parameters, "key_arn", "alias", "encryption_context")
        self._resources = self._readings(of_resources, "key_arn", "resources")
        self._errors = self._readings(of_error, "error", "outcome")
        self._taken: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def add(self, records: Sequence[Record], file: str | None) -> None:
        """Take in the records of a file; None for what is in no file. Raises
        msgspec.DecodeError, and takes in nothing, where a record is of an unknown shape."""
        values = self._values(records)
        values["file"] = numpy.full(len(records), self._words["file"][file], numpy.int32)
        for name, taken in self._taken.items():
            taken.append(values[name])

    def batch(self) -> pyarrow.RecordBatch:
        """All rows, in the order in which they were taken in."""
        return pyarrow.RecordBatch.from_arrays(
            [self._column(name, taken) for name, taken in self._taken.items()], schema=SCHEMA
        )

    def _readings(
        self, read: Callable[[Any], Sequence[str | None]], *names: str
    ) -> "Readings[Any]":
        return Readings(read, [self._words[name] for name in names])

    def _values(self, records: Sequence[Record]) -> dict[str, Any]:
        """The values of all columns but the last."""
        principal, role, invoked_by, access_key_id = self._identities.codes(
            [bytes(record.userIdentity) for record in records]
        )
        asked_key, alias, context = self._parameters.codes(
            [bytes(record.requestParameters) for record in records]
        )
        key_arn, resources = self._resources.codes([bytes(record.resources) for record in records])
        (operation,) = self._operations.codes(
            [(record.eventSource, record.eventName) for record in records]
        )
        error, outcome = self._errors.codes([record.errorCode for record in records])
        return {
            "time": self._times.of([record.eventTime for record in records]),
            "account": self._words["account"].codes([each.recipientAccountId for each in records]),
            "region": self._words["region"].codes([record.awsRegion for record in records]),
            "principal": principal,
            "role": role,
            "invoked_by": invoked_by,
            "operation": operation,
            "key_arn": numpy.where(key_arn >= 0, key_arn, asked_key),
            "alias": alias,
            "encryption_context": context,
            "resources": resources,
            "read_only": pyarrow.array([record.readOnly for record in records], pyarrow.bool_()),
            "outcome": outcome,
            "error": error,
            "error_message": _texts([record.errorMessage for record in records]),
            "source_ip": self._words["source_ip"].codes([each.sourceIPAddress for each in records]),
            "user_agent": self._words["user_agent"].codes([each.userAgent for each in records]),
            "access_key_id": access_key_id,
            "request_id": _texts([record.requestID for record in records]),
            "event_id": _texts([record.eventID for record in records]),
            "shared_event_id": _texts([record.sharedEventID for record in records]),
        }

    def _column(self, name: str, taken: Sequence[Any]) -> pyarrow.Array:
        if name in self._words:
            return self._words[name].column(_joined(taken, numpy.int32))
        if name == "time":
            return pyarrow.array(_joined(taken, numpy.int64), _TYPES[name])
        return pyarrow.concat_arrays([pyarrow.array([], _TYPES[name]), *taken])


def _texts(values: Sequence[str | None]) -> pyarrow.Array:
    return pyarrow.array(values, _TEXT)


def _joined(taken: Sequence[Any], kind: Any) -> Any:
    return numpy.concatenate(taken) if taken else numpy.empty(0, kind)
