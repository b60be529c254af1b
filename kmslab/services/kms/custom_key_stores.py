"""Custom key stores: the operations say what AWS tells an account that has none.

A custom key store stands on a CloudHSM cluster, or on a key manager of one's own that KMS reaches
over the network (KMS Developer Guide, "Custom key stores"). A lab has no clusters, and no call
leaves it, so none can be made: who names one is told that it is not there.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.paging import page_end, page_limit, page_start

CLOUD_HSM, EXTERNAL_STORE = "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"
_NEEDED = {
    CLOUD_HSM: ("CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"),
    EXTERNAL_STORE: (
        *("XksProxyConnectivity", "XksProxyUriEndpoint", "XksProxyUriPath"),
        "XksProxyAuthenticationCredential",
    ),
}


def create_custom_key_store(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateCustomKeyStore.html"""
    call.authorise_in_account()
    kind = call.parameters.setdefault("CustomKeyStoreType", CLOUD_HSM)
    missing = [member for member in _NEEDED[kind] if member not in call.parameters]
    if missing:
        raise errors.validation(f"{missing[0]} is required when the CustomKeyStoreType is {kind}.")
    if kind == CLOUD_HSM:
        raise errors.no_such_cluster(call.parameters["CloudHsmClusterId"])
    if call.parameters["XksProxyConnectivity"] == "VPC_ENDPOINT_SERVICE":
        raise errors.no_such_endpoint_service()
    raise errors.unreachable_proxy(call.parameters["XksProxyUriEndpoint"])


def describe_custom_key_stores(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeCustomKeyStores.html"""
    call.authorise_in_account()
    asked = call.parameters
    if "CustomKeyStoreId" in asked and "CustomKeyStoreName" in asked:
        raise errors.validation("Specify a CustomKeyStoreId or a CustomKeyStoreName, not both.")
    if "CustomKeyStoreId" in asked or "CustomKeyStoreName" in asked:
        raise errors.no_such_key_store()
    page_limit(call, 1000, 1000)
    page_start(call)
    return {"CustomKeyStores": [], **page_end(call, False, "")}


def connect_custom_key_store(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ConnectCustomKeyStore.html"""
    _refuse_unknown(call)


def disconnect_custom_key_store(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisconnectCustomKeyStore.html"""
    _refuse_unknown(call)


def update_custom_key_store(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateCustomKeyStore.html"""
    _refuse_unknown(call)


def delete_custom_key_store(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteCustomKeyStore.html"""
    _refuse_unknown(call)


def refuse_keys_of_stores(call: Call) -> None:
    """Refuse a CreateKey that needs a custom key store. Raises CustomKeyStoreNotFoundException, and
    ValidationException for members that do not go together."""
    asked, origin = call.parameters, call.parameters["Origin"]
    if "XksKeyId" in asked and origin != EXTERNAL_STORE:
        raise errors.validation(f"XksKeyId is valid only when the Origin is {EXTERNAL_STORE}.")
    if origin in (CLOUD_HSM, EXTERNAL_STORE):
        if "CustomKeyStoreId" not in asked:
            raise errors.validation(f"CustomKeyStoreId is required when the Origin is {origin}.")
        raise errors.no_such_key_store()
    if "CustomKeyStoreId" in asked:
        raise errors.validation(f"CustomKeyStoreId is not valid when the Origin is {origin}.")


def _refuse_unknown(call: Call) -> None:
    call.authorise_in_account()
    raise errors.no_such_key_store()
