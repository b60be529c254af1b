"""From what a caller wrote as KeyId to the KMS key it means.

Four forms are possible: key id, key ARN, alias name, alias ARN (KMS Developer Guide, "Key
identifiers"). A bare id or alias name is looked up in the caller's own account; an ARN may name
another one, whose keys AWS neither confirms nor denies to strangers.
"""

import re

from kmslab import arn as arns
from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.managed_keys import is_own_key_of, make_when_named
from kmslab.store.records import KmsKey, shelf_of

_KEY_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", re.ASCII
)


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


def find_key(call: Call, text: str, action: str | None = None) -> KmsKey:
    """The KMS key that `text` means, in any of the four forms.

    Raises NotFoundException in AWS's words, or AccessDeniedException for a foreign key that
    is not there.
    """
    if text.startswith("alias/"):
        return _by_alias(call, call.account, text, action)
    if text.startswith("arn:"):
        account, resource = _parts_of_arn(call, text)
        if resource.startswith("alias/"):
            return _by_alias(call, account, resource, action)
        return _by_id(call, account, resource.removeprefix("key/"), text, action)
    return _by_id(call, call.account, text, text, action)


def find_key_by_id(call: Call, text: str, action: str | None = None) -> KmsKey:
    """`find_key` for management operations, which take a key id or a key ARN only."""
    if text.startswith("alias/") or ":alias/" in text:
        raise errors.invalid_key_id(text)
    return find_key(call, text, action)


def peek_key(call: Call, text: str) -> KmsKey | None:
    """The KMS key that `text` means, None where there is none; nothing is refused or recorded."""
    account, resource = call.account, text
    if arn := arns.parse_arn(text):
        account, resource = arn.account, arn.resource
    shelf = shelf_of(account, call.region)
    alias = call.store.aliases.get(shelf, resource)
    key_id = alias.target_key_id if alias else resource.removeprefix("key/")
    return call.store.kms_keys.get(shelf, key_id)


def _parts_of_arn(call: Call, text: str) -> tuple[str, str]:
    """Account and resource of a KMS ARN of this Region."""
    arn = arns.parse_arn(text)
    if (
        arn is None
        or (arn.partition, arn.service) != (arns.PARTITION, "kms")
        or not arn.resource.startswith(("key/", "alias/"))
    ):
        raise errors.invalid_key_id(text)
    if arn.region != call.region:
        raise errors.invalid_arn_region(arn.region)
    return arn.account, arn.resource


def _by_id(call: Call, account: str, key_id: str, text: str, action: str | None) -> KmsKey:
    if not is_key_id(key_id):
        raise errors.invalid_key_id(text)
    kms_key = call.store.kms_keys.get(shelf_of(account, call.region), key_id)
    if kms_key is None:
        if account != call.account:
            raise call.deny_absent(action)
        raise errors.no_such_key(arns.key_arn(account, call.region, key_id))
    call.resources += (kms_key.arn,)
    return kms_key


def _by_alias(call: Call, account: str, alias_name: str, action: str | None) -> KmsKey:
    shelf = shelf_of(account, call.region)
    if account == call.account and is_own_key_of(alias_name, call.principal.via):
        # A service's first use of its own key makes it.
        made = make_when_named(call, alias_name)
        if made:
            return made
    alias = call.store.aliases.get(shelf, alias_name)
    kms_key = call.store.kms_keys.get(shelf, alias.target_key_id) if alias else None
    if kms_key is None:
        if account != call.account:
            raise call.deny_absent(action)
        raise errors.no_such_alias(arns.alias_arn(account, call.region, alias_name))
    call.resources += (kms_key.arn,)
    return kms_key
