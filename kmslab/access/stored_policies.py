"""Policies of resources as they were stored: read again, and trusted to be readable.

They were checked when they were written. What an old state directory holds all the same and
cannot be read denies everything to everyone.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from kmslab.access.identities import unreadable_policy
from kmslab.access.policy import (
    Policy,
    PolicyInForce,
    read_bucket_policy,
    read_key_policy,
    trust_policy,
)
from kmslab.access.principal_element import PrincipalElement
from kmslab.access.principals import EVERYONE
from kmslab.errors import PolicyError


@lru_cache(maxsize=256)
def stored_key_policy(text: str) -> PolicyInForce:
    return _read(read_key_policy, text, "key policy")


@lru_cache(maxsize=256)
def stored_bucket_policy(text: str, bucket_name: str) -> PolicyInForce | None:
    """The policy of a bucket; None for "", which stands for a bucket without one."""
    if not text:
        return None
    return _read(lambda stored: read_bucket_policy(stored, bucket_name), text, "bucket policy")


@lru_cache(maxsize=128)
def stored_trust_policy(text: str) -> PolicyInForce:
    return _read(trust_policy, text, "trust policy")


def _read(read: Callable[[str], PolicyInForce], text: str, name: str) -> PolicyInForce:
    try:
        return read(text)
    except PolicyError as problem:
        everyone = PrincipalElement(frozenset((EVERYONE,)))
        statements = unreadable_policy(str(problem)).statements
        return PolicyInForce(
            name, Policy(tuple(replace(statement, who=everyone) for statement in statements))
        )
