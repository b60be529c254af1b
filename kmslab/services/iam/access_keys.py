"""Access keys: what users sign with. A secret is told once, when it is made, and never again.

Without UserName it is the caller's own keys that are meant, the root user's too.
"""

import base64
from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.entities import authorised_user
from kmslab.services.iam.paging import page
from kmslab.services.iam.users import calling_user
from kmslab.sources import random_id
from kmslab.store.iam_records import AccessKey

_MOST = 2


def create_access_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html"""
    call.begin_change()
    user_name = _authorised_owner(call)
    if len(_keys_of(call, user_name)) >= _MOST:
        raise refusals.quota("AccessKeysPerUser", _MOST)
    access_key = AccessKey(
        f"AKIA{random_id(call.random, 16)}",
        base64.b64encode(call.random(30)).decode("ascii"),
        call.account,
        user_name,
        creation_date=call.now,
    )
    call.put(access_key)
    call.tells_its_output = True
    secret = {"SecretAccessKey": access_key.secret_access_key}
    return {"AccessKey": {**_told(access_key), **secret}}


def list_access_keys(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html"""
    found = _keys_of(call, _authorised_owner(call))
    listed, end = page(call, ((each.access_key_id, each) for each in found))
    return {"AccessKeyMetadata": [_told(access_key) for access_key in listed], **end}


def update_access_key(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html"""
    status = call.parameters["Status"]
    call.begin_change()
    access_key = _asked(call)
    if status not in ("Active", "Inactive"):
        raise refusals.invalid_input("Status must be Active or Inactive.")
    call.put(replace(access_key, status=status))


def delete_access_key(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html"""
    call.begin_change()
    call.delete(_asked(call))


def _asked(call: Call) -> AccessKey:
    user_name, access_key_id = _authorised_owner(call), call.parameters["AccessKeyId"]
    access_key = call.store.access_keys.get("", access_key_id)
    if access_key is None or not _is_of(access_key, call.account, user_name):
        raise refusals.no_such_access_key(access_key_id)
    return access_key


def _authorised_owner(call: Call) -> str:
    """The name of the user whose keys are meant, "" for the root user."""
    user_name = call.parameters.get("UserName") or calling_user(call)
    if not user_name:
        call.authorise_in_account(call.principal.arn)
        return ""
    return authorised_user(call, user_name).user_name


def _keys_of(call: Call, user_name: str) -> list[AccessKey]:
    return [each for each in call.store.access_keys.on("") if _is_of(each, call.account, user_name)]


def _is_of(access_key: AccessKey, account: str, user_name: str) -> bool:
    return (access_key.account, access_key.user_name) == (account, user_name)


def _told(access_key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": access_key.user_name,
        "AccessKeyId": access_key.access_key_id,
        "Status": access_key.status,
        "CreateDate": access_key.creation_date,
    }
