"""What the trail tells of a call: one event, and a copy for the owner of a key or role elsewhere.

No plaintext, no ciphertext, no grant token and no secret ever stands in an event: AWS's model says
what is sensitive, and a session token alone, which CloudTrail shows, opens nothing. The shape of a
record is not known here (`store.events`), nor how a call came to be.
"""

from typing import Any

from kmslab.errors import ServiceError
from kmslab.services.call import Call
from kmslab.sources import uuid_text
from kmslab.store.events import Event
from kmslab.wire.model import OperationSchema

# CloudTrail marks as read-only what changes no resource, cryptography included.
_READING = ("Get", "List", "Describe", "Generate", "Head", "Simulate", "Lookup")
_READ_ONLY = frozenset(
    {
        *("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "VerifyMac"),
        *("DeriveSharedSecret", "Encapsulate", "Decapsulate", "AssumeRole"),
    }
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
        account=call.account or "".join(_owners(call)[:1]),
        region=call.region,
        source=f"{call.service}.amazonaws.com",
        name=call.operation,
        identity=call.principal.identity,
        source_ip=call.origin.source_ip,
        user_agent=call.origin.user_agent[:1024],
        read_only=call.operation in _READ_ONLY or call.operation.startswith(_READING),
        parameters=call.asked or schema.note_input(call.parameters),
        response=told,
        additional=call.additional if refusal is None else None,
        resources=call.resources,
        error_code=_event_code(refusal) if refusal else "",
        error_message=refusal.message[:1024] if refusal else "",
        category="Data" if call.is_data_event else "Management",
        # Who was refused is not told whose bucket it is.
        owner="" if refusal and call.resource_owner != call.account else call.resource_owner,
    )
    if not event.account:
        # Nobody asked for what is nobody's: no account has a trail for that.
        return ()
    at_home, others = f":{event.account}:", []
    if refusal is None and not all(at_home in arn for arn in call.resources):
        others = [account for account in _owners(call) if account != event.account]
    return _shared(event, others, call)


def _owners(call: Call) -> list[str]:
    """The accounts of what the call touched, each once."""
    owners = (arn.split(":", 5)[4] or call.resource_owner for arn in call.resources)
    return list(dict.fromkeys(owners))


def _shared(event: Event, others: list[str], call: Call) -> tuple[Event, ...]:
    """Across accounts every side is told, the others not more of the caller than account and id
    (CloudTrail User Guide, "userIdentity element"); a service is no stranger anywhere. What a
    service does for itself has a shared id at home, too."""
    if not others and not call.principal.is_service:
        return (event,)
    shared_id = uuid_text(call.random(16))
    stranger = {
        "type": "AWSAccount",
        "principalId": call.principal.user_id,
        "accountId": call.account,
    }
    identity = event.identity if call.principal.is_service else stranger
    copies = [
        event._replace(
            event_id=uuid_text(call.random(16)),
            account=account,
            identity=identity,
            shared_id=shared_id,
        )
        for account in others
    ]
    return event._replace(shared_id=shared_id), *copies


def _event_code(refusal: ServiceError) -> str:
    """CloudTrail's spelling of an error code: KMS shortens one of them."""
    return "AccessDenied" if refusal.code == "AccessDeniedException" else refusal.code
