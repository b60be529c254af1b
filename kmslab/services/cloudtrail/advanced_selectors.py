"""The checks of advanced event selectors (API Reference, "AdvancedFieldSelector").

Each is about one category of events; the category decides which fields it may ask about. What the
lab cannot tell is refused as not built, what AWS does not take with InvalidEventSelectorsException.
"""

from typing import Any

from kmslab import errors
from kmslab.services.cloudtrail import refusals

MOST_VALUES = 500

_OPERATORS = frozenset(
    {"Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith"}
)
_EQUALS_ALONE = frozenset({"eventCategory", "readOnly", "resources.type"})
_FIELDS = {
    "Management": frozenset({"eventCategory", "eventSource", "readOnly"}),
    "Data": frozenset(
        {
            "eventCategory",
            "eventName",
            "eventSource",
            "eventType",
            "readOnly",
            "resources.ARN",
            "resources.type",
            "userIdentity.arn",
        }
    ),
}
_NOT_BUILT = frozenset({"sessionCredentialFromConsole"})
# The two services whose management events a trail may leave out.
EXCLUDABLE_SOURCES = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})


def check_advanced_selectors(selectors: list[dict[str, Any]]) -> None:
    """Raises InvalidEventSelectorsException, or UnsupportedOperationException for what the lab has
    no events of."""
    if not selectors:
        raise refusals.invalid_selectors("A trail needs at least one advanced event selector.")
    count = sum(_check_selector(selector) for selector in selectors)
    if count > MOST_VALUES:
        raise refusals.invalid_selectors(
            f"A trail has at most {MOST_VALUES} values in all its advanced event selectors, "
            f"not {count}."
        )


def _check_selector(selector: dict[str, Any]) -> int:
    """The number of its values."""
    fields = selector["FieldSelectors"]
    named = [field["Field"] for field in fields]
    if len(set(named)) < len(named):
        raise refusals.invalid_selectors("A field may stand once in an advanced event selector.")
    category = _category(fields)
    for field in fields:
        _check_field(field, category)
    if category == "Data" and "resources.type" not in named:
        raise refusals.invalid_selectors("A selector of data events must name a resources.type.")
    return sum(len(field[operator]) for field in fields for operator in _OPERATORS & field.keys())


def _category(fields: list[dict[str, Any]]) -> str:
    for field in fields:
        if field["Field"] == "eventCategory":
            category = _only_value(field)
            if category == "NetworkActivity":
                raise errors.not_built("eventCategory NetworkActivity")
            if category in _FIELDS:
                return category
            raise refusals.invalid_selectors(f"Value {category} for eventCategory is invalid.")
    raise refusals.invalid_selectors("An advanced event selector must name an eventCategory.")


def _check_field(field: dict[str, Any], category: str) -> None:
    name = field["Field"]
    if name in _NOT_BUILT and category == "Data":
        raise errors.not_built(f"field {name}")
    if name not in _FIELDS[category]:
        raise refusals.invalid_selectors(
            f"Field {name} is not supported for events of category {category}."
        )
    if not _OPERATORS & field.keys():
        raise refusals.invalid_selectors(f"Field {name} has no operator.")
    if name in _EQUALS_ALONE:
        _check_value(name, _only_value(field))
    elif category == "Management":
        _check_excluded(field)


def _only_value(field: dict[str, Any]) -> str:
    """The one value of a field that takes one, with Equals."""
    values: list[str] = field.get("Equals", [])
    if _OPERATORS & field.keys() != {"Equals"} or len(values) != 1:
        raise refusals.invalid_selectors(
            f"Field {field['Field']} takes one value, with the operator Equals."
        )
    return values[0]


def _check_value(name: str, value: str) -> None:
    if name == "readOnly" and value not in ("true", "false"):
        raise refusals.invalid_selectors(f"Value {value} for readOnly is invalid.")
    if name == "resources.type" and value.count("::") != 2:
        raise refusals.invalid_selectors(f"Value {value} for resources.type is invalid.")


def _check_excluded(field: dict[str, Any]) -> None:
    """Management events of a trail can be filtered by source in one way alone."""
    values = field.get("NotEquals", [])
    if _OPERATORS & field.keys() != {"NotEquals"} or not EXCLUDABLE_SOURCES.issuperset(values):
        raise refusals.invalid_selectors(
            "Field eventSource of management events takes NotEquals with "
            f"{' or '.join(sorted(EXCLUDABLE_SOURCES))} alone."
        )
