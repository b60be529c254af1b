"""Authorization cases as calls: one request in the lab of a case (`case_stages`).

Users, sessions and root users call through boto3; services, and services that forward a user's
call, through the door's other entry. Why a call is allowed or denied is not known here.
"""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmslab.access.decision import Identities
from kmslab.access.principals import service_principal
from kmslab.errors import ServiceError
from kmslab.lab import Lab, LabPrincipal
from kmslab.learn.authorization_cases import ALLOWED, DENIED, NOT_BUILT, Case, Key
from kmslab.learn.case_stages import Stage, make_world, put_policies
from kmslab.learn.case_texts import REGION, policy_document, request_of
from kmslab.services.callers import Caller
from kmslab.services.kms import find_operation
from kmslab.sources import StillClock, insecure_seeded_random

_START = datetime(2026, 1, 2, 3, 0, 0, tzinfo=UTC)
_SPREADS_IN = timedelta(minutes=5)
_LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
_BLOBS = ("Plaintext", "CiphertextBlob", "ImportToken", "EncryptedKeyMaterial")


def run_in_lab(case: Case) -> str:
    """ "allowed", "denied" or "not built". Raises ClientError or ServiceError for a refusal that
    says nothing of rights."""
    if not can_be_sent(case):
        return NOT_BUILT
    random = insecure_seeded_random(case.name)
    with Lab(clock=StillClock(_START), random=random, grant_propagation=_SPREADS_IN) as lab:
        stage = Stage(case, lab, {}, {})
        make_world(stage)
        parameters = request_of(case.operation, case.request, stage.names)
        _add_ciphertext(stage, parameters)
        put_policies(stage)
        return _outcome(_call(stage), parameters)


def can_be_sent(case: Case) -> bool:
    """Whether the lab has all that the case needs. `context` has what no request would bring."""
    plain_key = case.key._replace(aliases=(), tags={}) == Key()
    built = find_operation(case.operation) is not None
    return built and plain_key and not case.context and case.who.kind != "federated-user"


def _add_ciphertext(stage: Stage, parameters: dict[str, Any]) -> None:
    member = {"Decrypt": "EncryptionContext", "ReEncrypt": "SourceEncryptionContext"}
    if stage.case.operation in member:
        context = parameters.get(member[stage.case.operation], {})
        sealed = stage.owner().encrypt(
            KeyId=stage.names["key"], Plaintext=b"a secret", EncryptionContext=context
        )
        parameters["CiphertextBlob"] = sealed["CiphertextBlob"]
    if stage.case.operation == "ImportKeyMaterial":
        parameters.update(_wrapped_material(stage))
    if "Plaintext" in parameters:
        parameters["Plaintext"] = parameters["Plaintext"].encode()


def _wrapped_material(stage: Stage) -> dict[str, bytes]:
    """Key material for the key of the case, and the token that goes with it."""
    given = stage.owner().get_parameters_for_import(
        KeyId=stage.names["key"],
        WrappingAlgorithm="RSAES_OAEP_SHA_256",
        WrappingKeySpec="RSA_2048",
    )
    wrapping_key = load_der_public_key(given["PublicKey"])
    assert isinstance(wrapping_key, RSAPublicKey)
    oaep = OAEP(MGF1(SHA256()), SHA256(), label=None)
    return {
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrapping_key.encrypt(stage.lab.random(32), oaep),
    }


# --- Who calls, and the call --------------------------------------------------------------

_Send = Callable[[dict[str, Any]], Any]


def _call(stage: Stage) -> _Send:
    case, lab = stage.case, stage.lab
    who = case.who
    if who.kind == "service":
        service = service_principal(who.principal, who.source_arn, who.source_account)
        return _by_service(stage, Caller(service, Identities()))
    principal = _principal(stage)
    if who.via:
        caller = lab.endpoint.callers.caller(lab.credentials(principal), lab.clock.now())
        for forwarding in who.via:
            caller = caller._replace(principal=caller.principal.forwarded_by(forwarding))
        return _by_service(stage, caller)
    send = getattr(lab.client("kms", principal), xform_name(case.operation))
    return lambda parameters: send(**parameters)


def _by_service(stage: Stage, caller: Caller) -> _Send:
    def send(parameters: dict[str, Any]) -> Any:
        given = {
            name: base64.b64encode(value).decode() if name in _BLOBS else value
            for name, value in parameters.items()
        }
        return stage.lab.endpoint.call("kms", stage.case.operation, given, caller, REGION)

    return send


def _principal(stage: Stage) -> LabPrincipal:
    case, lab, who = stage.case, stage.lab, stage.case.who
    if who.kind == "root":
        return lab.root(who.account)
    documents = [policy_document(policy, stage.names) for policy in case.identity_policies]
    given: dict[str, Any] = {
        "policy": documents[0] if documents else None,
        "account": who.account,
        "tags": dict(who.tags) or None,
    }
    if case.boundary is not None:
        given["boundary"] = policy_document(case.boundary, stage.names)
    if who.kind == "user":
        user = lab.user(who.name, **given)
        _add_policies(stage, documents[1:])
        return user
    session_policy = None
    if case.session_policy is not None:
        session_policy = policy_document(case.session_policy, stage.names)
    session_name = who.principal.rpartition("/")[2]
    return lab.role(who.name, **given).session(session_name, policy=session_policy)


def _add_policies(stage: Stage, documents: list[dict[str, Any]]) -> None:
    for number, document in enumerate(documents):
        stage.owner(stage.case.who.account, "iam").put_user_policy(
            UserName=stage.case.who.name,
            PolicyName=f"policy-{number}",
            PolicyDocument=json.dumps(document),
        )


def _outcome(send: _Send, parameters: dict[str, Any]) -> str:
    try:
        send(parameters)
    except ClientError as error:
        refusal = error.response["Error"]
        outcome = _of_refusal(refusal["Code"], refusal.get("Message", ""))
        if outcome is None:
            raise
        return outcome
    except ServiceError as error:
        outcome = _of_refusal(error.code, error.message)
        if outcome is None:
            raise
        return outcome
    return ALLOWED


def _of_refusal(code: str, message: str) -> str | None:
    if code == "AccessDeniedException" or message == _LOCKED_OUT:
        return DENIED
    return NOT_BUILT if code == "UnsupportedOperationException" else None
