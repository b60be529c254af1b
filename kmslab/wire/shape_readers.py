"""From the JSON of a request to parameters: types, constraints, and AWS's words for violations.

A shape of AWS's model is compiled once into a plain function, because every request passes
through it. A wrong type is a SerializationException at once; violated constraints are gathered.
Values that nobody should see again are never repeated. It knows shapes, and no operation.
"""

import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape

from kmslab import errors

Json = Any
Reader = Callable[[Json, str, list[str]], Any]

# KMS answers a character that does not belong in a policy with MalformedPolicyDocument,
# from its policy parser, and not from the model's pattern.
_PATTERN_CHECKED_LATER = frozenset({"PolicyType"})
# Not marked sensitive in the model, and yet CloudTrail never shows them.
NEVER_NOTED = frozenset({"GrantTokens", "GrantToken", "ImportToken"})


def lower_camel(name: str) -> str:
    """AWS's spelling of a member in messages and events: KeyId → keyId, AWSAccountId →
    aWSAccountId."""
    return name[:1].lower() + name[1:]


def read_nothing(given: Json, path: str, violations: list[str]) -> dict[str, Any]:
    return {}


def reader(shape: Shape, shown: bool = True) -> Reader:
    """The function that reads a value of `shape`; `shown` false keeps it out of messages."""
    kind = shape.type_name
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape, shown)
    if isinstance(shape, MapShape):
        return _map_reader(shape, shown)
    if kind == "blob":
        return _blob_reader(shape)
    if kind == "boolean":
        return _boolean
    if kind in ("integer", "long"):
        return _number_reader(shape, int, "an Integer")
    if kind in ("float", "double"):
        return _number_reader(shape, (int, float), "a Double")
    if kind == "timestamp":
        return _timestamp_reader(shape)
    return _string_reader(shape, shown and not shape.metadata.get("sensitive"))


class _Member(NamedTuple):
    name: str
    path: str
    read: Reader


def _structure_reader(shape: StructureShape) -> Reader:
    required = tuple((name, lower_camel(name)) for name in shape.required_members)
    # A shape may contain itself: its reader is then made when it is first met.
    members: dict[str, _Member | None] = dict.fromkeys(shape.members)

    def member_of(name: str) -> _Member:
        shown = name not in NEVER_NOTED
        member = _Member(name, lower_camel(name), reader(shape.members[name], shown))
        members[name] = member
        return member

    def read(given: Json, path: str, violations: list[str]) -> dict[str, Any]:
        if type(given) is not dict:
            raise errors.serialization(_unexpected_start(given))
        parameters: dict[str, Any] = {}
        for name, value in given.items():
            if name in members and value is not None:
                member = members[name] or member_of(name)
                parameters[name] = member.read(value, path + member.path, violations)
        for name, member_path in required:
            if name not in parameters:
                violations.append(_must(None, path + member_path, "not be null", shown=True))
        return parameters

    def read_nested(given: Json, path: str, violations: list[str]) -> dict[str, Any]:
        return read(given, f"{path}." if path else "", violations)

    return read_nested


def _list_reader(shape: ListShape, shown: bool) -> Reader:
    read_member = reader(shape.member, shown)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def read(given: Json, path: str, violations: list[str]) -> list[Any]:
        if type(given) is not list:
            raise errors.serialization(_unexpected_start(given))
        members = [
            _read_inner(read_member, value, f"{path}.{index}.member", violations)
            for index, value in enumerate(given, start=1)
        ]
        _check_length(members, path, violations, least, most, shown)
        return members

    return read


def _map_reader(shape: MapShape, shown: bool) -> Reader:
    read_name, read_value = reader(shape.key, shown), reader(shape.value, shown)

    def read(given: Json, path: str, violations: list[str]) -> dict[Any, Any]:
        if type(given) is not dict:
            raise errors.serialization(_unexpected_start(given))
        return {
            read_name(name, path, violations): _read_inner(
                read_value, value, f"{path}.{name}.member", violations
            )
            for name, value in given.items()
        }

    return read


def _read_inner(read: Reader, value: Json, path: str, violations: list[str]) -> Any:
    """A member of a list or map, where null is a value that is missing and not one left out."""
    if value is None:
        violations.append(_must(None, path, "not be null", shown=True))
        return None
    return read(value, path, violations)


def _string_reader(shape: Shape, shown: bool) -> Reader:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    allowed = frozenset(shape.metadata.get("enum", ()))
    listed = f"satisfy enum value set: [{', '.join(shape.metadata.get('enum', ()))}]"
    wording = shape.metadata.get("pattern")
    pattern = None
    if wording and shape.name not in _PATTERN_CHECKED_LATER:
        pattern = _compiled(wording)

    def read(given: Json, path: str, violations: list[str]) -> str:
        if type(given) is not str:
            raise errors.serialization(f"{_json_kind(given)} can not be converted to a String")
        if not given.isascii():
            _refuse_lone_surrogates(given)
        if least or most:
            _check_length(given, path, violations, least, most, shown)
        if allowed and given not in allowed:
            violations.append(_must(given, path, listed, shown))
        if pattern and not pattern.fullmatch(given):
            rule = f"satisfy regular expression pattern: {wording}"
            violations.append(_must(given, path, rule, shown))
        return given

    return read


# AWS's patterns are Java's, where \w is ASCII and \p{…} names a class of Unicode. Python's
# patterns lack these; its own \w is all letters, digits and "_", which AWS allows wherever it
# allows letters and digits of Unicode.
_UNICODE_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


def _compiled(wording: str) -> re.Pattern[str]:
    if r"\p{" not in wording:
        return re.compile(wording, re.ASCII)
    for java, python in _UNICODE_CLASSES.items():
        wording = wording.replace(java, python)
    return re.compile(wording)


def _blob_reader(shape: Shape) -> Reader:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def read(given: Json, path: str, violations: list[str]) -> bytes:
        if type(given) is not str:
            raise errors.serialization(f"{_json_kind(given)} can not be converted to a Blob")
        try:
            blob = binascii.a2b_base64(given, strict_mode=True)
        except ValueError:
            raise errors.serialization("The value is not valid base64.") from None
        _check_length(blob, path, violations, least, most, shown=False)
        return blob

    return read


# CloudTrail answers a page size out of bounds with InvalidMaxResultsException.
_RANGE_CHECKED_LATER = frozenset({"MaxResults"})


def _number_reader(shape: Shape, types: Any, wanted: str) -> Reader:
    limits = {} if shape.name in _RANGE_CHECKED_LATER else shape.metadata
    least, most = limits.get("min"), limits.get("max")

    def read(given: Json, path: str, violations: list[str]) -> float:
        if not isinstance(given, types) or isinstance(given, bool):
            raise errors.serialization(f"{_json_kind(given)} can not be converted to {wanted}")
        number: float = given
        if least is not None and number < least:
            rule = f"have value greater than or equal to {least}"
            violations.append(_must(number, path, rule, shown=True))
        if most is not None and number > most:
            rule = f"have value less than or equal to {most}"
            violations.append(_must(number, path, rule, shown=True))
        return number

    return read


def _timestamp_reader(shape: Shape) -> Reader:
    read_number = _number_reader(shape, (int, float), "a Double")

    def read(given: Json, path: str, violations: list[str]) -> float:
        seconds: float = read_number(given, path, violations)
        try:
            datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise errors.serialization("The value is not a time of the calendar.") from None
        return seconds

    return read


def _boolean(given: Json, path: str, violations: list[str]) -> bool:
    if type(given) is not bool:
        raise errors.serialization(f"{_json_kind(given)} can not be converted to a Boolean")
    return given


def _check_length(
    given: Any,
    path: str,
    violations: list[str],
    least: int | None,
    most: int | None,
    shown: bool = True,
) -> None:
    if least and len(given) < least:
        rule = f"have length greater than or equal to {least}"
        violations.append(_must(given, path, rule, shown))
    if most is not None and len(given) > most:
        rule = f"have length less than or equal to {most}"
        violations.append(_must(given, path, rule, shown))


def _must(value: Any, path: str, rule: str, shown: bool) -> str:
    """One violation in AWS's words; bytes and secrets are never repeated."""
    if value is None:
        quoted = " null"
    elif not shown:
        quoted = ""
    elif type(value) is list:
        quoted = f" '[{', '.join(str(item) for item in value[:20])}]'"
    else:
        quoted = f" '{str(value)[:1024]}'"
    return f"Value{quoted} at '{path}' failed to satisfy constraint: Member must {rule}"


def _refuse_lone_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.serialization("The value is not valid Unicode.") from None


def _unexpected_start(given: Json) -> str:
    if type(given) in (dict, list):
        return "Start of structure or map found where not expected."
    return "Unexpected field type"


_JSON_KINDS = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    dict: "Start of structure or map",
    list: "Start of list",
}


def _json_kind(given: Json) -> str:
    if isinstance(given, bool):
        return "TRUE_VALUE" if given else "FALSE_VALUE"
    return _JSON_KINDS.get(type(given), "Value")
