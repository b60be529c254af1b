"""The one door. Every call to the simulated AWS passes here, in these steps:

    authenticate   who signed this request?                (wire.sigv4)
    validate       does it fit AWS's own service model?    (wire.model)
    dispatch       the operation, which authorises         (services, access)
    record         one event, whether allowed or denied    (store)
    answer         in the protocol of the service          (wire.json_protocol, wire.query)

An operation that returns without having asked for a decision is denied here. Nothing is special
about any principal.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from kmslab import errors
from kmslab.access.principals import Principal, principal_of
from kmslab.errors import ServiceError
from kmslab.services import kms, sts
from kmslab.services.call import Call, Operation, Output
from kmslab.services.kms.deletion import delete_key
from kmslab.sources import Clock, RandomBytes, uuid_text
from kmslab.store.events import Event
from kmslab.store.records import AccessKey, User
from kmslab.store.store import Store
from kmslab.vault.hsm import Hsm
from kmslab.wire import json_protocol, query, sigv4
from kmslab.wire.message import Answer, Request
from kmslab.wire.model import OperationSchema, service_schema

SERVICES: dict[str, ModuleType] = {"kms": kms, "sts": sts}

# CloudTrail marks as read-only what changes no resource, cryptography included.
_READING = ("Get", "List", "Describe", "Generate")
_READ_ONLY = frozenset({"Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "VerifyMac"})

Mark = Callable[[str], None]


class Endpoint:
    """The door of one lab.

    `mark`, where set, is told that a request arrives, and then the end of each stage by name:
    arrive, verify, validate, authorise, HSM, record, answer.
    """

    def __init__(self, store: Store, hsm: Hsm, clock: Clock, random: RandomBytes) -> None:
        self._store = store
        self._hsm = hsm
        self._clock = clock
        self._random = random
        self._principals: dict[str, tuple[User, AccessKey, Principal]] = {}
        self.mark: Mark | None = None

    def handle(self, request: Request) -> Answer:
        """Answer one signed request."""
        if self.mark:
            self.mark("arrive")
        fresh = self._random(32)
        request_id = uuid_text(fresh[:16])
        self._clock.tick()
        self.run_due()
        protocol: ModuleType = json_protocol if json_protocol.speaks(request) else query
        try:
            service, operation = protocol.route(request)
            if request.host_service not in (None, service):
                raise errors.unknown_operation()
            schema = service_schema(service).operation(operation)
            if schema is None:
                raise errors.unknown_operation()
            access_key, region = sigv4.verify(request, service, self._find_access_key)
            principal = self._principal(access_key)
        except ServiceError as refusal:
            # Who did not authenticate is nobody, and CloudTrail records nobody's calls.
            refused: Answer = protocol.refuse(refusal, request_id)
            return refused
        if self.mark:
            self.mark("verify")
        call = Call(
            service,
            operation,
            {},
            principal,
            region,
            self._clock.now(),
            self._store,
            self._hsm,
            self._random,
            self.mark,
        )
        try:
            answer = self._perform(call, schema, protocol, request, request_id, fresh[16:])
        finally:
            call.finish()
        if self.mark:
            self.mark("answer")
        return answer

    def run_due(self) -> None:
        """Do what the clock has brought due, each thing at its own time."""
        next_due = self._store.next_due()
        if next_due is None or next_due > self._clock.now():
            return
        with self._store.lock:
            while due := self._store.due_key(self._clock.now()):
                when, kms_key = due
                delete_key(kms_key, when, self._store, self._hsm, self._random)

    def _perform(
        self,
        call: Call,
        schema: OperationSchema,
        protocol: ModuleType,
        request: Request,
        request_id: str,
        event_bytes: bytes,
    ) -> Answer:
        output, refusal = None, None
        try:
            call.parameters = schema.read(protocol.read_body(request))
            if self.mark:
                self.mark("validate")
            output = _dispatch(call)
        except ServiceError as error:
            refusal = error
        if self.mark:
            self.mark("HSM")
        event = _event(call, schema, request, request_id, event_bytes, output, refusal)
        self._store.commit(None if refusal else call.changes, (event,))
        if self.mark:
            self.mark("record")
        answer: Answer
        if refusal:
            answer = protocol.refuse(refusal, request_id)
        else:
            answer = protocol.answer(schema.write(output), call.operation, request_id)
        return answer

    def _find_access_key(self, access_key_id: str) -> AccessKey | None:
        return self._store.access_keys.get("", access_key_id)

    def _principal(self, access_key: AccessKey) -> Principal:
        """The user behind an access key, compiled once for as long as neither changes."""
        user = self._store.users.get(access_key.account, access_key.user_name)
        if user is None:
            raise errors.unrecognized_client()
        known = self._principals.get(access_key.access_key_id)
        if known and known[0] is user and known[1] is access_key:
            return known[2]
        principal = principal_of(user, access_key)
        self._principals[access_key.access_key_id] = user, access_key, principal
        return principal


def _dispatch(call: Call) -> Output:
    operation: Operation | None = SERVICES[call.service].find_operation(call.operation)
    if operation is None:
        raise errors.not_built(call.operation)
    output = operation(call)
    if call.decision is None or not call.decision.allowed:
        raise errors.access_denied(
            f"User: {call.principal.arn} is not authorized to perform: "
            f"{call.service}:{call.operation} because no decision was asked for"
        )
    return output


def _event(
    call: Call,
    schema: OperationSchema,
    request: Request,
    request_id: str,
    event_bytes: bytes,
    output: dict[str, Any] | None,
    refusal: ServiceError | None,
) -> Event:
    """What CloudTrail tells of `call`: no plaintext, no ciphertext, no token, no key."""
    told = None
    if refusal is None:
        told = schema.note_output(output or {}) if call.tells_its_output else call.told
    return Event(
        event_id=uuid_text(event_bytes),
        request_id=request_id,
        time=call.now,
        account=call.account,
        region=call.region,
        source=f"{call.service}.amazonaws.com",
        name=call.operation,
        identity=call.principal.identity,
        source_ip=request.source_ip,
        user_agent=request.headers.get("user-agent", "")[:1024],
        read_only=call.operation in _READ_ONLY or call.operation.startswith(_READING),
        parameters=schema.note_input(call.parameters),
        response=told,
        additional=call.additional if refusal is None else None,
        resources=call.resources,
        error_code=_event_code(refusal) if refusal else "",
        error_message=refusal.message[:1024] if refusal else "",
    )


def _event_code(refusal: ServiceError) -> str:
    """CloudTrail's spelling of an error code: KMS shortens one of them."""
    return "AccessDenied" if refusal.code == "AccessDeniedException" else refusal.code
