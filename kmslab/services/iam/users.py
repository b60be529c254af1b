"""Users: created, shown, listed, deleted.

What a user may do, and what it signs with, stands in other modules.
"""

from typing import Any

from kmslab import arn as arns
from kmslab.services.call import Call
from kmslab.services.departed import renounce
from kmslab.services.iam import refusals
from kmslab.services.iam.boundaries import asked_boundary, tell_boundary, told_boundary
from kmslab.services.iam.entities import asked_user, authorised_user, is_taken, new_id
from kmslab.services.iam.paging import below, page
from kmslab.services.iam.tags import checked_tags, told_tags
from kmslab.store.iam_records import User

_MOST_USERS = 5000


def create_user(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html"""
    call.begin_change()
    user_name, path = call.parameters["UserName"], call.parameters.get("Path", "/")
    tell_boundary(call)
    _authorise_creation(call, arns.user_arn(call.account, user_name, path))
    if is_taken(user_name, (user.user_name for user in call.store.users.on(call.account))):
        raise refusals.entity_exists("User", user_name)
    if call.store.users.count(call.account) >= _MOST_USERS:
        raise refusals.quota("UsersPerAccount", _MOST_USERS)
    user = User(
        call.account,
        user_name,
        new_id(call, "AIDA"),
        boundary=asked_boundary(call),
        path=path,
        creation_date=call.now,
        tags=checked_tags(call),
    )
    call.put(user)
    call.tells_its_output = True
    return {"User": {**_told(user), **_told_only_alone(user)}}


def get_user(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html

    Without UserName the caller itself, which may be the root user.
    """
    user_name = call.parameters.get("UserName") or calling_user(call)
    if not user_name:
        return _root_user(call)
    user = authorised_user(call, user_name)
    return {"User": {**_told(user), **_told_only_alone(user)}}


def list_users(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html"""
    call.authorise_in_account()
    users = [user for user in call.store.users.on(call.account) if below(user.path, call)]
    listed, end = page(call, ((user.user_name, user) for user in users))
    return {"Users": [_told(user) for user in listed], **end}


def delete_user(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html"""
    call.begin_change()
    user = asked_user(call)
    if user.policies:
        raise refusals.must_first("delete policies")
    if user.attached:
        raise refusals.must_first("detach all policies")
    if any(
        (access_key.account, access_key.user_name) == (user.account, user.user_name)
        for access_key in call.store.access_keys.on("")
    ):
        raise refusals.must_first("delete access keys")
    renounce(call, user)
    call.delete(user)


def calling_user(call: Call) -> str:
    """The name of the user that calls, "" for the root user. A session is no user: it is refused
    with ValidationError."""
    identity = call.principal.identity
    if identity["type"] == "Root":
        return ""
    if identity["type"] != "IAMUser":
        call.authorise_in_account()
        raise refusals.no_user_name()
    user_name: str = identity["userName"]
    return user_name


def _authorise_creation(call: Call, user_arn: str) -> None:
    call.authorise_in_account(user_arn)
    if call.parameters.get("Tags"):
        call.authorise_in_account(user_arn, "TagUser")


def _told(user: User) -> dict[str, Any]:
    return {
        "Path": user.path,
        "UserName": user.user_name,
        "UserId": user.user_id,
        "Arn": user.arn,
        "CreateDate": user.creation_date,
    }


def _told_only_alone(user: User) -> dict[str, Any]:
    """What a list leaves out."""
    tags = {"Tags": told_tags(user.tags)} if user.tags else {}
    return {**told_boundary(user), **tags}


def _root_user(call: Call) -> dict[str, Any]:
    call.authorise_in_account(call.principal.arn)
    access_key = call.store.access_keys.get("", call.principal.identity["accessKeyId"])
    return {
        "User": {
            "UserId": call.account,
            "Arn": call.principal.arn,
            "CreateDate": access_key.creation_date if access_key else call.now,
        }
    }
