"""One simulated AWS: any number of accounts and Regions behind one door.

`Lab` builds state, vault and endpoint and wires them together; it is the only module that
knows them all. S3 gets from it what seals objects, and the door's second entry to call KMS. A
learner gets real boto3 clients from it, and the events of what they did.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from kmslab import arn as arns
from kmslab.access.decision import Decision
from kmslab.access.policy import identity_policy, trust_policy
from kmslab.access.policy import key_policy as compile_key_policy
from kmslab.at_rest import ObjectsAtRest
from kmslab.endpoint import SERVICES, Endpoint
from kmslab.errors import PolicyError
from kmslab.services.callers import Caller, Credential
from kmslab.services.cloudtrail.backing import Backing as CloudTrailBacking
from kmslab.services.cloudtrail.deliveries import Deliveries
from kmslab.services.condition_keys import DIRECT, encryption_context_member
from kmslab.services.s3.backing import Backing
from kmslab.services.s3.bucket_keys import BucketKeys
from kmslab.services.sts import new_session
from kmslab.sources import Clock, RandomBytes, random_id, system_random
from kmslab.store.directory import open_journal
from kmslab.store.iam_records import AccessKey, ManagedPolicy, Role, RoleSession, User
from kmslab.store.journal import Journal
from kmslab.store.object_files import ObjectFiles
from kmslab.store.records import KmsKey, Record, shelf_of
from kmslab.store.store import Changes, Store
from kmslab.vault.domain_key import SIZE, DomainKey, domain_key_in
from kmslab.vault.hsm import Hsm
from kmslab.vault.object_sealer import ObjectSealer
from kmslab.vault.trail_signer import TrailSigner
from kmslab.wire.message import LOOPBACK, Answer, Request
from kmslab.wire.model import region_names

DEFAULT_ACCOUNT = "111122223333"
DEFAULT_REGION = "us-east-1"
ADMINISTRATOR = "administrator"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


R = TypeVar("R", bound=Record)


class Lab:
    """A simulated AWS.

    `path` is a directory that keeps the lab's state; without one it lives in memory.
    `clock` and `random` make a lab repeatable: see `kmslab.StillClock` and
    `kmslab.insecure_seeded_random`. `grant_propagation` is how long a new or removed grant takes
    to spread through KMS; at AWS it is usually under five minutes. `digests_use_sse_s3` has
    CloudTrail encrypt its digest files as it did until May 2025: with SSE-S3, even where the trail
    has a KMS key. `trail_signing_keys` are private keys, PKCS #8 in DER, that CloudTrail signs
    digests with, one after the other, before it draws keys of its own: seeded randomness cannot
    repeat those. Only for data that is to be made again; whoever knows such a key can forge a
    digest. Raises StateError where `path` cannot be used, ValueError for a time below zero or what
    is no such key.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        clock: Clock | None = None,
        random: RandomBytes = system_random,
        grant_propagation: timedelta = timedelta(0),
        digests_use_sse_s3: bool = False,
        trail_signing_keys: Iterable[bytes] = (),
    ) -> None:
        if grant_propagation < timedelta(0):
            raise ValueError(f"grant_propagation must not be below zero, not {grant_propagation}")
        self.clock = clock or Clock()
        self.random = random
        self._journal: Journal | None = None
        if path is None:
            domain_key = DomainKey(random(SIZE), random)
            self._store = Store()
        else:
            self._journal = open_journal(Path(path))
            try:
                domain_key = self._open_domain_key(Path(path), self._journal)
                self._store = Store(self._journal)
                self.clock.advanced += self._journal.advanced()
            except BaseException:
                self._journal.close()
                raise
        self._hsm = Hsm(domain_key, random)
        self.endpoint = Endpoint(
            self._store, self._hsm, self.clock, random, grant_propagation.total_seconds()
        )
        files = ObjectFiles(None if path is None else Path(path))
        files.sweep(self._store.content_ids())
        self._backing = Backing(
            files,
            ObjectSealer(domain_key, random),
            BucketKeys(),
            partial(self.endpoint.call, "kms"),
        )
        self.endpoint.backing = self._backing
        trails = CloudTrailBacking(
            self.endpoint,
            TrailSigner(domain_key, trail_signing_keys),
            digests_use_sse_s3=digests_use_sse_s3,
        )
        self.endpoint.cloudtrail = trails
        self.endpoint.deliveries = Deliveries(self._store, trails, random)
        self.s3 = ObjectsAtRest(self._store, files)
        self.clock.before_advance = self._journal_clock
        self.clock.after_advance = partial(self.endpoint.run_due, wait=True)

    # --- Who may call ---------------------------------------------------------------------

    def administrator(self, account: str = DEFAULT_ACCOUNT) -> User:
        """The IAM user `administrator` of `account`, with AWS's AdministratorAccess policy.

        Account and user are made on first use. Raises ValueError for an account that is not
        12 digits.
        """
        known = self._store.users.get(_checked_account(account), ADMINISTRATOR)
        if known:
            return known
        return self._put(
            User(
                account,
                ADMINISTRATOR,
                f"AIDA{random_id(self.random, 17)}",
                attached=(ADMINISTRATOR_ACCESS,),
                creation_date=self.clock.now(),
            )
        )

    def user(
        self,
        user_name: str,
        policy: dict[str, Any] | str | None = None,
        account: str = DEFAULT_ACCOUNT,
        boundary: dict[str, Any] | str | None = None,
        tags: dict[str, str] | None = None,
    ) -> User:
        """The IAM user `user_name`, made on first use; `policy` becomes its one inline policy.

        A user without a policy may do what key policies and grants allow it, and nothing else.
        `boundary` is a policy document that becomes its permissions boundary. Raises ValueError
        for a policy that cannot be read, and for a name that IAM would not take.
        """
        known = self._store.users.get(_checked_account(account), _checked_name(user_name))
        if known and (policy, boundary, tags) == (None, None, None):
            return known
        user_id = known.user_id if known else f"AIDA{random_id(self.random, 17)}"
        fresh = known or User(account, user_name, user_id, creation_date=self.clock.now())
        return self._put(
            replace(fresh, **self._changes(account, user_name, policy, boundary, tags))
        )

    def role(
        self,
        role_name: str,
        policy: dict[str, Any] | str | None = None,
        trust: dict[str, Any] | str | None = None,
        account: str = DEFAULT_ACCOUNT,
        boundary: dict[str, Any] | str | None = None,
        tags: dict[str, str] | None = None,
    ) -> "LabRole":
        """The IAM role `role_name`, made on first use.

        `trust` is the policy that says who may assume it; without one the account decides, by
        its identity policies. The other arguments are those of `user`.
        """
        known = self._store.roles.get(_checked_account(account), _checked_name(role_name))
        if known is None:
            role_id = f"AROA{random_id(self.random, 17)}"
            trusting = _policy_text(trust or _trust_in(account), trust_policy)
            now = self.clock.now()
            known = self._put(Role(account, role_name, role_id, trusting, creation_date=now))
        elif trust is not None:
            known = self._put(replace(known, trust_policy=_policy_text(trust, trust_policy)))
        if (policy, boundary, tags) != (None, None, None):
            changes = self._changes(account, role_name, policy, boundary, tags)
            known = self._put(replace(known, **changes))
        return LabRole(known.arn, known.account, known.role_name, self)

    def root(self, account: str = DEFAULT_ACCOUNT) -> "AccountRoot":
        """The root user of `account`."""
        return AccountRoot(_checked_account(account))

    def credentials(self, principal: "LabPrincipal") -> Credential:
        """What `principal` signs with: of a user or root user the same access key each time."""
        if isinstance(principal, RoleSession):
            return principal
        user_name = principal.user_name
        if user_name and self._store.users.get(principal.account, user_name) is None:
            raise ValueError(f"the user {user_name!r} of {principal.account} is gone")
        for access_key in self._store.access_keys.on(""):
            if (access_key.account, access_key.user_name) == (principal.account, user_name):
                return access_key
        secret = self.random(30).hex()[:40]
        return self._put(
            AccessKey(
                f"AKIA{random_id(self.random, 16)}",
                secret,
                principal.account,
                user_name,
                creation_date=self.clock.now(),
            )
        )

    def add_credentials(self, user: User, access_key_id: str, secret_access_key: str) -> AccessKey:
        """Give `user` an access key with a given id and secret."""
        return self._put(AccessKey(access_key_id, secret_access_key, user.account, user.user_name))

    # --- What a learner works with --------------------------------------------------------

    def client(
        self,
        service: str,
        principal: "LabPrincipal | None" = None,
        region_name: str = DEFAULT_REGION,
        config: Any = None,
        source_ip: str = LOOPBACK,
    ) -> Any:
        """A real boto3 client, answered by this lab.

        `principal` is a user, a role's session or a root user of this lab, by default the
        administrator of account 111122223333; `config` a botocore Config that goes over the
        lab's own, with another `user_agent` perhaps; `source_ip` the address that its calls come
        from, as policies and the trail see it. Raises ValueError for a service that the lab does
        not have, a Region that AWS does not have, or what is no address.
        """
        from kmslab.wire.boto import in_process_client

        if service not in SERVICES:
            raise ValueError(f"service must be one of {sorted(SERVICES)}, not {service!r}")
        _check_region(region_name)
        _check_address(source_ip)
        credential = self.credentials(principal or self.administrator())
        return in_process_client(
            service,
            region_name,
            credential.access_key_id,
            credential.secret_access_key,
            credential.session_token,
            self.handle,
            config,
            source_ip,
        )

    def call(
        self,
        operation: str,
        principal: "LabPrincipal | None" = None,
        region_name: str = DEFAULT_REGION,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation of KMS at the door itself, without boto3: `lab.call("Encrypt",
        KeyId=…, Plaintext=b"…")`.

        No request is built, signed, verified and parsed; all else happens as to a client's call:
        it is validated, decided and recorded. `principal` is by default the administrator of
        account 111122223333. `parameters` are as for boto3: for a blob bytes (text would count as
        base64), for a time a datetime, in UTC where it has no zone. In the answer blobs are bytes,
        and times seconds since 1970. Raises ServiceError with AWS's code and message, and
        ValueError for an operation that KMS or a Region that AWS does not have.
        """
        _check_region(region_name)
        self.clock.tick()
        self.endpoint.run_due()
        credential = self.credentials(principal or self.administrator())
        caller = self.endpoint.callers.caller(credential, self.clock.now())
        given = {name: _json_value(value) for name, value in parameters.items()}
        output = self.endpoint.call("kms", operation, given, caller, region_name, origin=DIRECT)
        return output or {}

    def handle(self, request: Request) -> Answer:
        """Answer one signed HTTP request, as the door does."""
        return self.endpoint.handle(request)

    def events(self, data_events: bool = False) -> list[dict[str, Any]]:
        """What happened, oldest first, in CloudTrail's record format: management events, and with
        `data_events` also what S3 did with objects, which a trail records only if told to."""
        return [
            event.as_record()
            for event in tuple(self._store.events)
            if data_events or event.category == "Management"
        ]

    def last_decision(self) -> Decision | None:
        """Why the last call was allowed or denied; None where no call was asked about yet."""
        return self.endpoint.last_decision

    def decisions(self, request_id: str) -> tuple[Decision, ...]:
        """All that was decided about one of the last thousand calls, in the order asked: most
        calls ask once, ReEncrypt and the alias operations about two things or three. What KMS
        decided when S3 asked it comes last."""
        return self.endpoint.decisions.get(request_id, ())

    def would(
        self,
        principal: "LabPrincipal",
        operation: str,
        key_id: str,
        encryption_context: dict[str, str] | None = None,
        via: str = "",
        key_policy: dict[str, Any] | str | None = None,
        region_name: str = DEFAULT_REGION,
        source_ip: str = LOOPBACK,
        **parameters: Any,
    ) -> Decision:
        """What would be decided if `principal` called `operation` ("Decrypt", "ReEncryptTo") on a
        key, with nothing done and nothing recorded.

        `key_id` is a key id or ARN; `via` a service that forwards the call (s3.amazonaws.com);
        `key_policy` is weighed in place of the key's own; `source_ip` is where the call comes from,
        which a service does not pass on; `parameters` are those of the operation. An encryption
        context that the operation cannot send is left out. Raises ValueError for an operation or
        key that is not there, for operations that more or less than one key decides, and for what
        is no policy or no address.
        """
        _check_address(source_ip)
        member = encryption_context_member(operation)
        if encryption_context is not None and member:
            parameters[member] = encryption_context
        caller = self._caller(principal)
        if via:
            caller = caller._replace(principal=caller.principal.forwarded_by(via))
        text = None if key_policy is None else _policy_text(key_policy, compile_key_policy)
        kms_key = self._kms_key(key_id, caller.principal.account, region_name)
        return self.endpoint.would(operation, kms_key, parameters, caller, text, source_ip)

    def reset(self) -> None:
        """Empty the lab: accounts, keys and events are gone, and the clock is set back."""
        with self.endpoint.no_deliveries(), self._store.lock:
            self._store.clear()
            self._hsm.forget_all()
            self._backing.bucket_keys.forget_all()
            self._backing.files.clear()
            self.endpoint.forget_decisions()
            self.clock.advanced = timedelta(0)

    def close(self) -> None:
        """Let go of the lab's directory, or of the temporary one that its objects lay in."""
        self._store.close()
        self._backing.files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    # --- Inside ---------------------------------------------------------------------------

    def _open_domain_key(self, directory: Path, journal: Journal) -> DomainKey:
        proof = journal.setting("domain_key_proof")
        domain_key = domain_key_in(directory, proof, self.random)
        if proof is None:
            journal.set("domain_key_proof", domain_key.proof())
        return domain_key

    def _journal_clock(self, advanced: timedelta) -> None:
        if self._journal:
            with self._store.lock:
                self._journal.set("advanced", str(advanced.total_seconds()))

    def _caller(self, principal: "LabPrincipal") -> Caller:
        """The caller that `principal` would be, whether or not it has an access key."""
        callers = self.endpoint.callers
        if isinstance(principal, RoleSession):
            return callers.caller(principal, self.clock.now())
        return callers.read(AccessKey("", "", principal.account, principal.user_name))

    def _kms_key(self, text: str, account: str, region: str) -> KmsKey:
        arn = arns.parse_arn(text)
        if arn:
            account, region = arn.account, arn.region
        key_id = arn.resource.removeprefix("key/") if arn else text
        kms_key = self._store.kms_keys.get(shelf_of(account, region), key_id)
        if kms_key is None:
            raise ValueError(f"there is no KMS key {text!r}")
        return kms_key

    def _changes(
        self,
        account: str,
        name: str,
        policy: dict[str, Any] | str | None,
        boundary: dict[str, Any] | str | None,
        tags: dict[str, str] | None,
    ) -> dict[str, Any]:
        """The members of a user or role that its maker spelled out."""
        changes: dict[str, Any] = {}
        if policy is not None:
            changes["policies"] = ((f"{name}-policy", _policy_text(policy, identity_policy)),)
        if boundary is not None:
            changes["boundary"] = self._boundary(account, f"{name}-boundary", boundary).arn
        if tags is not None:
            changes["tags"] = tuple(sorted(tags.items()))
        return changes

    def _boundary(
        self, account: str, policy_name: str, document: dict[str, Any] | str
    ) -> ManagedPolicy:
        text, now = _policy_text(document, identity_policy), self.clock.now()
        policy_id = f"ANPA{random_id(self.random, 17)}"
        versions = (("v1", text, now),)
        return self._put(ManagedPolicy(account, policy_name, policy_id, "v1", versions))

    def _put(self, record: R) -> R:
        self._store.commit(Changes(put=[record]), ())
        return record


class AccountRoot(NamedTuple):
    """The root user of an account."""

    account: str

    @property
    def user_name(self) -> str:
        """None: that is what tells its access keys from those of users."""
        return ""

    @property
    def arn(self) -> str:
        return arns.account_root_arn(self.account)


class LabRole(NamedTuple):
    """A role of a lab. Nobody calls as a role: one calls as a session of it."""

    arn: str
    account: str
    role_name: str
    lab: Lab

    def session(
        self,
        session_name: str,
        policy: dict[str, Any] | str | None = None,
        duration: timedelta = timedelta(hours=1),
    ) -> RoleSession:
        """A session, without asking who may assume the role; `policy` is its session policy.

        sts.assume_role does the same and asks. Raises ValueError for a policy that cannot be
        read.
        """
        role = self.lab._store.roles.get(self.account, self.role_name)
        if role is None:
            raise ValueError(f"the role {self.role_name!r} is gone")
        policies = None if policy is None else (("", _policy_text(policy, identity_policy)),)
        lab, seconds = self.lab, duration.total_seconds()
        return lab._put(
            new_session(role, session_name, lab.clock.now(), seconds, lab.random, policies)
        )


LabPrincipal = User | RoleSession | AccountRoot
"""Who can sign a request."""


def _checked_account(account: str) -> str:
    if not (isinstance(account, str) and re.fullmatch("[0-9]{12}", account)):
        raise ValueError(f"an account is 12 digits, not {account!r}")
    return account


def _check_region(region_name: str) -> None:
    if region_name not in region_names():
        raise ValueError(f"there is no Region {region_name!r}")


def _check_address(source_ip: str) -> None:
    if not isinstance(source_ip, str):
        raise ValueError(f"source_ip is the text of an address, not {source_ip!r}")
    ip_address(source_ip)


def _checked_name(name: str) -> str:
    """A name that IAM would give a user or role."""
    if not (isinstance(name, str) and re.fullmatch(r"[\w+=,.@-]{1,64}", name, re.ASCII)):
        raise ValueError(f"a name has 1 to 64 letters, digits or +=,.@-_, unlike {name!r}")
    return name


def _json_value(value: Any) -> Any:
    """A parameter as boto3 would send it: bytes as base64, a time as seconds since 1970."""
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value


def _policy_text(policy: dict[str, Any] | str, read: Callable[[str], object]) -> str:
    """The policy as JSON text. Raises ValueError where `read` cannot read it."""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    try:
        read(text)
    except PolicyError as problem:
        place = f" ({problem.place})" if problem.place else ""
        raise ValueError(f"{problem}{place} {text}") from None
    return text


def _trust_in(account: str) -> dict[str, Any]:
    """The account decides who of its own may assume a role."""
    return {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": arns.account_root_arn(account)},
            "Action": "sts:AssumeRole",
        },
    }
