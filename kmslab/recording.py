"""What the trail tells of a call: one event, and a copy for the owner of a key in another account.

No plaintext, no ciphertext, no token and no key ever stands in an event: AWS's model says what is
sensitive. The shape of a record is not known here (`store.events`), nor how a call came to be.
"""

from typing import Any

from kmslab.errors import ServiceError
from kmslab.services.call import Call
from kmslab.sources import uuid_text
from kmslab.store.events import Event
from kmslab.wire.model import OperationSchema

# CloudTrail marks as read-only what changes no resource, cryptography included.
_READING = ("Get", "List", "Describe", "Generate", "Simulate")
_READ_ONLY = frozenset(
    {"Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "VerifyMac", "AssumeRole"}
)


def events_of(
    call: Call,
    schema: OperationSchema,
    request_id: str,
    event_bytes: bytes,
    output: dict[str, Any] | None,
    refusal: ServiceError | None,
) -> tuple[Event, ...]:
    """The events of `call`; `output` and `refusal` are what became of it."""
    told = None
    if refusal is None:
        told = schema.note_output(output or {}) if call.tells_its_output else call.told
    event = Event(
        event_id=uuid_text(event_bytes),
        request_id=request_id,
        time=call.now,
        account=call.account or _owner(call),
        region=call.region,
        source=f"{call.service}.amazonaws.com",
        name=call.operation,
        identity=call.principal.identity,
        source_ip=call.origin.source_ip,
        user_agent=call.origin.user_agent[:1024],
        read_only=call.operation in _READ_ONLY or call.operation.startswith(_READING),
        parameters=schema.note_input(call.parameters),
        response=told,
        additional=call.additional if refusal is None else None,
        resources=call.resources,
        error_code=_event_code(refusal) if refusal else "",
        error_message=refusal.message[:1024] if refusal else "",
    )
    owner = _owner(call)
    if refusal is not None or owner == event.account or call.service != "kms":
        return (event,)
    return _shared(event, owner, call)


def _owner(call: Call) -> str:
    """The account of the first key or alias that the call touched; the caller's without any."""
    return call.resources[0].split(":", 5)[4] if call.resources else call.account


def _shared(event: Event, owner: str, call: Call) -> tuple[Event, ...]:
    """Across accounts both sides are told, the owner not more of the caller than account and id
    (CloudTrail User Guide, "userIdentity element")."""
    fresh = call.random(32)
    shared_id = uuid_text(fresh[:16])
    stranger = {
        "type": "AWSAccount",
        "principalId": call.principal.user_id,
        "accountId": call.account,
    }
    copy = event._replace(
        event_id=uuid_text(fresh[16:]), account=owner, identity=stranger, shared_id=shared_id
    )
    return event._replace(shared_id=shared_id), copy


def _event_code(refusal: ServiceError) -> str:
    """CloudTrail's spelling of an error code: KMS shortens one of them."""
    return "AccessDenied" if refusal.code == "AccessDeniedException" else refusal.code
