"""What a boto3 client sent and what it got back, as it stood on the wire."""

import json
from collections.abc import Iterator
from typing import Any

_SHOWN_HEADERS = ("X-Amz-Target", "Content-Type")


class Wiretap:
    """Listens to one client. `show()` prints the last request and its answer."""

    def __init__(self, client: Any) -> None:
        self._request: Any = None
        self._answer: Any = None
        service = client.meta.service_model.service_name
        # First in line: whoever answers a request ends the line.
        client.meta.events.register_first(f"before-send.{service}", self._hear_request)
        client.meta.events.register(f"response-received.{service}", self._hear_answer)

    def show(self) -> None:
        """Print method, address, the telling headers and the body; then status and answer.

        The signature changes with the time of day, so only its size is shown.
        """
        request = self._request
        print(f"{request.method} {request.url}")
        for name in _SHOWN_HEADERS:
            print(f"{name}: {_text(request.headers[name])}")
        algorithm = _text(request.headers["Authorization"]).partition(" ")[0]
        signature = _text(request.headers["Authorization"]).rpartition("=")[2]
        print(f"Authorization: {algorithm}, a signature of {len(signature)} hex digits")
        print(_indented(_text(request.body)))
        print(f"\n{self._answer['status_code']}")
        print(_indented(_text(self._answer["body"])))

    def _hear_request(self, request: Any, **_: Any) -> None:
        self._request = request

    def _hear_answer(self, response_dict: Any, **_: Any) -> None:
        self._answer = response_dict


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _indented(body: str) -> str:
    if not body:
        return "(no body)"
    return "\n".join(_lines(json.loads(body), "  "))


def _lines(members: dict[str, Any], margin: str) -> Iterator[str]:
    """One line for each member, members of members further in."""
    for name, value in members.items():
        if isinstance(value, dict) and value:
            yield f"{margin}{name}:"
            yield from _lines(value, f"{margin}  ")
        else:
            text = json.dumps(value)
            yield f"{margin}{name}: {text if len(text) <= 72 else f'{text[:69]}...'}"
