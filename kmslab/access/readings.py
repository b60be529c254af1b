"""What the text of a condition value stands for: a number, a date, an address, and so on.

IAM User Guide, "Condition operators". Every function reads one text, of a policy or of a request,
and gives None where the text is nothing of its kind. None of them knows operators or requests.
"""

import base64
import ipaddress
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from kmslab.access.wildcards import is_arn

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
# Four digits could be a year as well as seconds of 1970: nobody should have to guess which.
_EPOCH_SECONDS = re.compile(r"[0-9]{5,12}(\.[0-9]{1,9})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def arn(text: str) -> str | None:
    return text if is_arn(text) else None


def boolean(text: str) -> str | None:
    lower = text.lower()
    return lower if lower in ("true", "false") else None


def number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def seconds(text: str) -> float | None:
    """A date as seconds since 1970. A day without a time is its midnight in UTC."""
    if _EPOCH_SECONDS.fullmatch(text):
        return float(text)
    if not _DATE.fullmatch(text):
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def network(text: str) -> Network | None:
    # ipaddress would also take 10.0.0.0/255.0.0.0, which is no CIDR block.
    _, slash, size = text.partition("/")
    if slash and not (size.isascii() and size.isdecimal()):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


# One address asks again and again, and reading it takes longest of all.
@lru_cache(maxsize=256)
def address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
