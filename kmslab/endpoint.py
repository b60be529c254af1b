"""The one door. Every call to the simulated AWS passes here, in these steps:

    authenticate   who signed this request?                (wire.sigv4)
    validate       does it fit AWS's own service model?    (wire.model)
    dispatch       the operation, which authorises         (services, access)
    record         one event, whether allowed or denied    (recording, store)
    answer         in the protocol of the service          (wire.json_protocol, wire.query,
                                                            wire.rest_xml)

It has two entries: `handle` takes signed requests, `call` the calls of the lab's own services and
of `Lab.call`, which sign nothing and cannot be reached over HTTP. An operation that returns without
having asked for a decision is denied here. Nothing is special about any principal.
"""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from kmslab import errors
from kmslab.access.decision import Decision
from kmslab.access.stored_policies import stored_key_policy
from kmslab.errors import ServiceError
from kmslab.recording import events_of
from kmslab.services import cloudtrail, iam, kms, s3, sts
from kmslab.services.call import Call, Operation, Output
from kmslab.services.callers import ANONYMOUS, Caller, Callers
from kmslab.services.cloudtrail.backing import Backing as CloudTrailBacking
from kmslab.services.cloudtrail.deliveries import Deliveries
from kmslab.services.condition_keys import IN_PROCESS, INTERNAL, Origin
from kmslab.services.kms.by_the_clock import do_due
from kmslab.services.kms.grant_requests import asked_grant
from kmslab.services.kms.last_usage import ENDINGS, note_days_without_usage
from kmslab.services.s3.authorization import may_put_object
from kmslab.services.s3.backing import Backing
from kmslab.services.s3.checked_documents import CheckedDocument
from kmslab.sources import Clock, RandomBytes, uuid_text
from kmslab.store.events import Event
from kmslab.store.records import KeyMaterial, KmsKey
from kmslab.store.store import Changes, Store
from kmslab.vault.hsm import Hsm
from kmslab.wire import aws_chunked, json_protocol, query, rest_xml, s3_signature, sigv4
from kmslab.wire.message import LOOPBACK, Answer, Request
from kmslab.wire.model import OperationSchema, service_schema

SERVICES: dict[str, ModuleType] = {
    "cloudtrail": cloudtrail,
    "iam": iam,
    "kms": kms,
    "s3": s3,
    "sts": sts,
}

_MOST_DECISIONS = 1000
_MOST_OF_A_CALL = 50

_NOT_BY_ONE_KEY = {
    "ReEncrypt": "ask for ReEncryptFrom on one key and ReEncryptTo on the other",
    "RetireGrant": "the grant says who may",
    "ReplicateKey": "CreateKey in the other Region is asked about as well",
    "UpdatePrimaryRegion": "the replica key decides as well",
    **dict.fromkeys(("CreateAlias", "UpdateAlias", "DeleteAlias"), "the alias decides as well"),
    **dict.fromkeys(
        (
            *("CreateCustomKeyStore", "ConnectCustomKeyStore", "DisconnectCustomKeyStore"),
            *("UpdateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores"),
            *("CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"),
        ),
        "identity policies alone decide, on no key",
    ),
}

Mark = Callable[[str], None]


class Endpoint:
    """The door of one lab.

    `mark`, where set, is told that a request arrives, and then the end of each stage by name:
    arrive, verify, validate, authorise, HSM, record, answer. `grant_propagation` is in seconds.
    """

    def __init__(
        self,
        store: Store,
        hsm: Hsm,
        clock: Clock,
        random: RandomBytes,
        grant_propagation: float = 0.0,
    ) -> None:
        self._store = store
        self._hsm = hsm
        self._clock = clock
        self._random = random
        self._grant_propagation = grant_propagation
        self.callers = Callers(store)
        # The decisions of the last calls, by request id.
        self.decisions: OrderedDict[str, tuple[Decision, ...]] = OrderedDict()
        self.last_decision: Decision | None = None
        self.mark: Mark | None = None
        # What S3 stores objects with; the lab gives it, since S3 calls KMS through this door.
        self.backing: Backing | None = None
        # What CloudTrail works with, and what it has to deliver: of the lab as well.
        self.cloudtrail: CloudTrailBacking | None = None
        self.deliveries: Deliveries | None = None
        self._one_delivers = threading.Lock()

    def handle(self, request: Request) -> Answer:
        """Answer one signed request."""
        if self.mark:
            self.mark("arrive")
        fresh = self._random(32)
        self._clock.tick()
        self.run_due()
        if request.stream is not None:
            return self._handle_rest(request, fresh)
        request_id = uuid_text(fresh[:16])
        protocol: ModuleType = json_protocol if json_protocol.speaks(request) else query
        service: str | None = None
        try:
            service, operation = protocol.route(request)
            if request.host_service not in (None, service):
                raise errors.unknown_operation()
            schema = service_schema(service).operation(operation)
            if schema is None:
                raise errors.unknown_operation()
            credential, region = sigv4.verify(request, service, self.callers.credential)
            caller = self.callers.caller(credential, self._clock.now())
        except ServiceError as refusal:
            # Who did not authenticate is nobody, and CloudTrail records nobody's calls.
            refused: Answer = protocol.refuse(refusal, request_id, service)
            return refused
        if self.mark:
            self.mark("verify")
        origin = Origin(request.source_ip, request.headers.get("user-agent", ""), request.secure)
        call = self._call(service, operation, caller, region, origin)
        output, problem = self._perform(
            call,
            schema,
            lambda: schema.read(protocol.read_body(request, schema)),
            request_id,
            fresh[16:],
        )
        if problem:
            answer: Answer = protocol.refuse(problem, request_id, service)
        else:
            answer = protocol.answer(schema, output, request_id)
        if self.mark:
            self.mark("answer")
        return answer

    def _handle_rest(self, request: Request, fresh: bytes) -> Answer:
        """Answer a request to S3, whose body has not been read yet."""
        request_id = fresh[:8].hex().upper()
        refusal: ServiceError | None = None
        try:
            call, schema, meant = self._rest_call(request)
        except ServiceError as problem:
            refusal = problem
        else:
            output, refusal = self._perform(
                call,
                schema,
                lambda: _rest_parameters(call, meant, schema),
                request_id,
                fresh[16:],
            )
        if refusal:
            answer = rest_xml.refuse(refusal, request_id, "s3")
        else:
            answer = rest_xml.answer(schema, output, request_id, call.answer_content)
        return answer._replace(body=b"") if request.method == "HEAD" else answer

    def _rest_call(self, request: Request) -> tuple[Call, OperationSchema, Request]:
        """Who asks S3 for what: the call, and the request as it was meant, with the headers that
        its URL carries and its body unwrapped."""
        signed = s3_signature.verify(
            request, self.callers.credential, request.host_region, rest_xml.bucket_in_host(request)
        )
        request = request._replace(headers={**signed.headers, **request.headers})
        service, operation = rest_xml.route(request)
        schema = service_schema(service).operation(operation)
        assert schema
        caller = ANONYMOUS
        if signed.credential:
            caller = self.callers.caller(signed.credential, self._clock.now())
        region = signed.region or request.host_region or "us-east-1"
        origin = Origin(request.source_ip, request.headers.get("user-agent", ""), request.secure)
        call = self._call(service, operation, caller, region, origin)
        call.headers, call.signature_facts = request.headers, signed.facts
        assert request.stream
        call.content = aws_chunked.decoded(request.stream, request.headers, signed)
        return call, schema, request._replace(stream=call.content)

    def call(
        self,
        service: str,
        operation: str,
        given: dict[str, Any],
        caller: Caller,
        region: str,
        decisions: list[Decision] | None = None,
        *,
        now: float | None = None,
        content: bytes | None = None,
        origin: Origin = INTERNAL,
    ) -> Output:
        """The call of one of the lab's own services: as itself, or in the name of a caller whose
        call it forwards; or the call of a principal of the lab, with its `origin`. `given` are the
        parameters as JSON values, `content` the body where it is a stream; what is decided is added
        to `decisions`. `now` is the time of the call, by default the clock's. Raises
        ServiceError."""
        fresh = self._random(32)
        schema = service_schema(service).operation(operation)
        if schema is None:
            raise ValueError(f"{service} has no operation {operation!r}")
        if caller.principal.is_service:
            origin = Origin(caller.principal.arn, caller.principal.arn, secure=True)
        call = self._call(service, operation, caller, region, origin, now)
        if content is not None:
            call.content = io.BytesIO(content)
        request_id = uuid_text(fresh[:16])
        output, problem = self._perform(
            call, schema, lambda: _own_parameters(call, given, schema), request_id, fresh[16:]
        )
        if decisions is not None:
            decisions += call.decisions
        if problem:
            raise problem
        return output

    def may_put_object(
        self, given: Mapping[str, Any], caller: Caller, region: str, decisions: list[Decision]
    ) -> bool:
        """Whether `caller` may do a PutObject with these parameters; nothing is written and nothing
        recorded. What is decided is added to `decisions`. Raises ServiceError where there is no
        such bucket in `region`."""
        origin = Origin(caller.principal.arn, caller.principal.arn, secure=True)
        call = self._call("s3", "PutObject", caller, region, origin)
        call.parameters = dict(given)
        allowed = may_put_object(call)
        for decision in call.decisions:
            decision.question.context.settle()
        decisions += call.decisions
        return allowed

    def would(
        self,
        operation: str,
        kms_key: KmsKey,
        parameters: dict[str, Any],
        caller: Caller,
        key_policy: str | None = None,
        source_ip: str = LOOPBACK,
    ) -> Decision:
        """What would be decided, with nothing done and nothing recorded; `key_policy` in place
        of the key's own where given. Raises ValueError where it is not one key that decides."""
        if operation in _NOT_BY_ONE_KEY:
            raise ValueError(f"{operation}: {_NOT_BY_ONE_KEY[operation]}")
        origin = INTERNAL if caller.principal.via else IN_PROCESS._replace(source_ip=source_ip)
        call = self._call("kms", operation, caller, kms_key.region, origin)
        call.parameters = parameters
        if operation == "CreateGrant" and "Operations" in parameters:
            call.asked_grant = asked_grant(call, kms_key)
        if operation in ENDINGS:
            note_days_without_usage(call, kms_key)
        owner_side = call.owner_side(kms_key)
        if key_policy is not None:
            owner_side = owner_side._replace(policy=stored_key_policy(key_policy))
        decision = call.decide(call.question(operation, kms_key.arn, kms_key), owner_side)
        decision.question.context.settle()
        return decision

    def forget_decisions(self) -> None:
        self.decisions.clear()
        self.last_decision = None

    def run_due(self, wait: bool = False) -> None:
        """Do what the clock has brought due, each thing at its own time. One thread at a time does;
        another one goes on without, unless it is to `wait`."""
        if not self._is_due() or not self._one_delivers.acquire(blocking=wait):
            return
        try:
            while self._is_due():
                self._do_next()
        finally:
            self._one_delivers.release()

    def no_deliveries(self) -> AbstractContextManager[Any]:
        """While this is held, nothing that is due is done. Take it before the store's lock."""
        return self._one_delivers

    def _is_due(self) -> bool:
        when = self._next_due()
        return when is not None and when <= self._clock.now()

    def _next_due(self) -> float | None:
        ends = self._store.next_due()
        owed = self.deliveries.next_due() if self.deliveries else None
        if ends is None or owed is None:
            return owed if ends is None else ends
        return min(ends, owed)

    def _do_next(self) -> None:
        """What comes next: a key is rotated, a record ends, or CloudTrail delivers."""
        ends = self._store.next_due()
        owed = self.deliveries.next_due() if self.deliveries else None
        if ends is not None and (owed is None or ends <= owed):
            self._do_record(ends)
        elif self.deliveries:
            self.deliveries.do_next()

    def _do_record(self, by: float) -> None:
        """Do what the clock does to the next record whose time has come by then; what is first may
        be out of date, and what comes behind it may be later than a delivery."""
        with self._store.lock:
            due = self._store.next_due_record(by)
            if due is None:
                return
            when, record = due
            if isinstance(record, KmsKey | KeyMaterial):
                do_due(record, when, self._store, self._hsm, self._random)
            else:
                # A grant whose removal has spread, or a session long over: nobody is told.
                self._store.commit(Changes(deleted=[record]), ())

    def _call(
        self,
        service: str,
        operation: str,
        caller: Caller,
        region: str,
        origin: Origin,
        now: float | None = None,
    ) -> Call:
        return Call(
            service,
            operation,
            caller,
            region,
            self._clock.now() if now is None else now,
            origin,
            self._store,
            self._hsm,
            self._random,
            self._grant_propagation,
            self.mark,
            self.backing,
            self.cloudtrail,
        )

    def _perform(
        self,
        call: Call,
        schema: OperationSchema,
        read: Callable[[], Any],
        request_id: str,
        event_bytes: bytes,
    ) -> tuple[Output, ServiceError | None]:
        """Validate, dispatch, record: either an output or a refusal."""
        output, refusal = None, None
        try:
            try:
                call.parameters = read()
                if self.mark:
                    self.mark("validate")
                output = _dispatch(call)
            except ServiceError as error:
                refusal = error
            if self.mark:
                self.mark("HSM")
            events = events_of(call, schema, request_id, event_bytes, output, refusal)
            if refusal is None:
                events += (*self._events_elsewhere(call, request_id), *call.more_events)
                self._store.commit(call.changes, events)
            else:
                self._store.commit(None, events)
        finally:
            call.finish()
        if refusal is None:
            for each in call.afterwards:
                each()
        self._keep_decisions(request_id, call)
        if self.mark:
            self.mark("record")
        return output, refusal

    def _events_elsewhere(self, call: Call, request_id: str) -> tuple[Event, ...]:
        """What is told, in other Regions, of what `call` did there."""
        events: tuple[Event, ...] = ()
        for part, output in call.parts:
            schema = service_schema(part.service).operation(part.operation)
            assert schema
            events += events_of(part, schema, request_id, self._random(16), output, None)
        return events

    def _keep_decisions(self, request_id: str, call: Call) -> None:
        for decision in call.decisions:
            # A context may still hold on to the parameters, plaintext and all.
            decision.question.context.settle()
        self.last_decision = call.decision
        # A call that asks about a thousand things is remembered by the last of them.
        asked = (*call.decisions, *call.nested_decisions)
        self.decisions[request_id] = asked[-_MOST_OF_A_CALL:]
        if len(self.decisions) > _MOST_DECISIONS:
            self.decisions.popitem(last=False)


def _rest_parameters(call: Call, request: Request, schema: OperationSchema) -> dict[str, Any]:
    content = request.stream
    assert content
    if not schema.streams_in:
        content = CheckedDocument(content, request.headers, schema)
    parameters = rest_xml.read(request, schema, content)
    if not schema.streams_in:
        # What nobody asked for is no part of the request, but the signature may be about it.
        content.read(1)
    call.parameters = parameters
    s3.note_request(call)
    return parameters


def _own_parameters(call: Call, given: dict[str, Any], schema: OperationSchema) -> dict[str, Any]:
    """The parameters of a call by one of the lab's own services. S3's events tell of headers, so
    it is sent those that the request would have."""
    call.parameters = schema.read(given)
    if call.service == "s3":
        host = f"s3.{call.region}.amazonaws.com"
        bucket_name = call.parameters.get("Bucket")
        call.headers = {"host": f"{bucket_name}.{host}" if bucket_name else host}
        s3.note_request(call)
    return call.parameters


def _dispatch(call: Call) -> Output:
    operation: Operation | None = SERVICES[call.service].find_operation(call.operation)
    if operation is None:
        raise errors.not_built(call.operation)
    output = operation(call)
    asked = call.decision is not None and (call.decision.allowed or call.decides_each)
    if not asked:
        raise errors.access_denied(
            f"User: {call.principal.arn} is not authorized to perform: "
            f"{call.service}:{call.operation} because no decision was asked for"
        )
    return output
