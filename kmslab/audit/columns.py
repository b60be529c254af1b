"""One tidy table of records: a row for each call, a typed column for each thing an auditor asks.

`COLUMNS` says what stands in each. Times are UTC; words that repeat are categories, so that a
hundred thousand rows stay small and are quick to group. Where records came from is not known here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pandas

from kmslab.audit.records import Parameters, Record, parsed

COLUMNS = {
    "time": "when the call was made, to the second, in UTC (eventTime)",
    "account": "the account whose trail tells of it (recipientAccountId)",
    "region": "where it was made (awsRegion)",
    "principal": "who called: the ARN of a user or of a role's session, the name of a service that "
    "calls for itself, the id of a stranger from another account (userIdentity)",
    "role": "of a session the role it came from (sessionIssuer)",
    "invoked_by": "the service that made the call in the principal's name (invokedBy)",
    "operation": "service and operation, as a policy spells them: kms:Decrypt",
    "key_arn": "the KMS key; of ReEncrypt the one that opened the ciphertext",
    "alias": "the alias that the call named, or else one that the table's own events give the key",
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
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

# Of columns that are no words which repeat.
_TYPES = {
    "time": "datetime64[us, UTC]",
    "read_only": "boolean",
    **dict.fromkeys(("encryption_context", "resources"), "object"),
    **dict.fromkeys(("error_message", "request_id", "event_id", "shared_event_id"), "str"),
}
_ALIASES = frozenset({"kms:CreateAlias", "kms:UpdateAlias"})


class Rows:
    """Records taken in, file by file, until they are a table."""

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self._words = {name: _Words() for name in COLUMNS if name not in _TYPES}
        self._contexts = _Contexts()

    def add(self, records: Sequence[Record], file: str | None) -> None:
        """Take in the records of a file; None for what is in no file."""
        values = {**_values(records, self._contexts), "file": [file] * len(records)}
        for name, words in self._words.items():
            values[name] = list(map(words.__getitem__, values[name]))
        for name, taken in self._values.items():
            taken += values[name]

    def table(self) -> pandas.DataFrame:
        """The table of all records, oldest first. CloudTrail may deliver a record twice: of those
        with one event id the first stands."""
        columns = {
            name: self._words[name].column(values) if name in self._words else _column(name, values)
            for name, values in self._values.items()
        }
        table = pandas.DataFrame(columns).drop_duplicates("event_id")
        table = table.sort_values("time", kind="stable", ignore_index=True)
        table["alias"] = filled_aliases(table, _told_aliases(table))
        return table


def _values(records: Sequence[Record], contexts: "_Contexts") -> dict[str, list[Any]]:
    """The values of all columns but the last, in the order of `COLUMNS`."""
    identities = [record.userIdentity for record in records]
    parameters = [record.requestParameters for record in records]
    asked = [_asked_key(each) for each in parameters]
    return {
        "time": [record.eventTime for record in records],
        "account": [record.recipientAccountId for record in records],
        "region": [record.awsRegion for record in records],
        "principal": [
            each.arn or each.principalId or each.accountId or each.invokedBy for each in identities
        ],
        "role": [
            each.sessionContext.sessionIssuer.arn
            if each.sessionContext and each.sessionContext.sessionIssuer
            else None
            for each in identities
        ],
        "invoked_by": [
            each.invokedBy if each.arn or each.principalId else None for each in identities
        ],
        "operation": _each(
            _operation, [(record.eventSource, record.eventName) for record in records]
        ),
        "key_arn": [
            _key_arn(record, key_id) for record, key_id in zip(records, asked, strict=True)
        ],
        "alias": _each(_alias_in, asked),
        "encryption_context": [contexts.of(each) for each in parameters],
        "resources": [
            tuple(each.ARN for each in record.resources or () if each.ARN) for record in records
        ],
        "read_only": [record.readOnly for record in records],
        "outcome": _each(_outcome, [record.errorCode for record in records]),
        "error": [record.errorCode for record in records],
        "error_message": [record.errorMessage for record in records],
        "source_ip": [record.sourceIPAddress for record in records],
        "user_agent": [record.userAgent for record in records],
        "access_key_id": [each.accessKeyId for each in identities],
        "request_id": [record.requestID for record in records],
        "event_id": [record.eventID for record in records],
        "shared_event_id": [record.sharedEventID for record in records],
    }


class _Words(dict[str | None, int]):
    """The words of a column, numbered as they come; None is no word. What repeats is kept once."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self) - 1
        return number

    def column(self, numbers: Sequence[int]) -> pandas.Categorical:
        """The column in which these words stand, its categories in the order of the alphabet."""
        words = numpy.array(list(self)[1:], dtype="object")
        order = numpy.argsort(words)
        places = numpy.full(len(words) + 1, -1)
        places[order] = numpy.arange(len(words))
        return pandas.Categorical.from_codes(places[list(numbers)], words[order])


def _column(name: str, values: Sequence[Any]) -> Any:
    if name == "time":
        return pandas.Series(pandas.to_datetime(values, utc=True)).astype(_TYPES[name])
    return pandas.Series(values, dtype=_TYPES[name])


def _each(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """`make` of each value, made once of those that are equal."""
    made = {value: make(value) for value in dict.fromkeys(values)}
    return [made[value] for value in values]


def _operation(named: tuple[str, str]) -> str:
    source, event_name = named
    return f"{source.removesuffix('.amazonaws.com')}:{event_name}"


def _outcome(error: str | None) -> str:
    if not error:
        return "ok"
    return "denied" if error in DENIED else "failed"


def _asked_key(parameters: Parameters | None) -> str:
    """The KeyId of a call, as it was sent; "" for none, and for what is none."""
    if parameters is None:
        return ""
    quoted = bytes(parameters.keyId)
    # Ids and ARNs have nothing that JSON escapes.
    return quoted[1:-1].decode(errors="replace") if quoted[:1] == b'"' else ""


def _key_arn(record: Record, key_id: str) -> str | None:
    for resource in record.resources or ():
        if resource.type == "AWS::KMS::Key":
            return resource.ARN
    return key_id if ":key/" in key_id else None


def _alias_in(key_id: str) -> str | None:
    place = key_id.find("alias/")
    return key_id[place:] if place == 0 or key_id[:place].endswith(":") else None


class _Contexts:
    """Encryption contexts, each text read once; every row has a dict of its own."""

    def __init__(self) -> None:
        self._read: dict[bytes, Any] = {}

    def of(self, parameters: Parameters | None) -> dict[str, str] | None:
        if parameters is None:
            return None
        text = bytes(parameters.encryptionContext) or bytes(parameters.sourceEncryptionContext)
        if not text:
            return None
        if text not in self._read:
            read = parsed(parameters.encryptionContext)
            self._read[text] = parsed(parameters.sourceEncryptionContext) if read is None else read
        known = self._read[text]
        return dict(known) if isinstance(known, dict) else None


def filled_aliases(table: pandas.DataFrame, known: dict[str, str]) -> pandas.Series:
    """The alias column, with an alias from `known` for each key ARN where it is empty."""
    named = table["alias"].astype("object")
    found = named.where(named.notna(), table["key_arn"].astype("object").map(known))
    return found.astype("category")


def _told_aliases(table: pandas.DataFrame) -> dict[str, str]:
    """Key ARN to alias, as the table's own events tell it: the newest counts."""
    told = table[table["operation"].isin(_ALIASES) & (table["outcome"] == "ok")]
    known: dict[str, str] = {}
    for arns in told["resources"]:
        keys = [arn for arn in arns if ":key/" in arn]
        aliases = [arn.split(":", 5)[5] for arn in arns if ":alias/" in arn]
        known |= dict.fromkeys(keys, *aliases[:1])
    return known
