"""One simulated AWS: any number of accounts and Regions behind one door.

`Lab` builds state, vault and endpoint and wires them together; it is the only module that
knows them all. A learner gets real boto3 clients from it, and the events of what they did.
"""

import json
import re
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kmslab.access.policy import PolicyError, identity_policy
from kmslab.access.principals import ADMINISTRATOR, ADMINISTRATOR_ACCESS
from kmslab.endpoint import SERVICES, Endpoint
from kmslab.sources import Clock, RandomBytes, system_random
from kmslab.store.directory import open_journal
from kmslab.store.journal import Journal
from kmslab.store.records import AccessKey, User
from kmslab.store.store import Changes, Store
from kmslab.vault.domain_key import SIZE, DomainKey, domain_key_in
from kmslab.vault.hsm import Hsm
from kmslab.wire.message import Answer, Request
from kmslab.wire.model import region_names

DEFAULT_ACCOUNT = "111122223333"
DEFAULT_REGION = "us-east-1"
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Lab:
    """A simulated AWS.

    `path` is a directory that keeps the lab's state; without one it lives in memory.
    `clock` and `random` make a lab repeatable: see `kmslab.StillClock` and
    `kmslab.insecure_seeded_random`. Raises StateError where `path` cannot be used.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        clock: Clock | None = None,
        random: RandomBytes = system_random,
    ) -> None:
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
        self.endpoint = Endpoint(self._store, self._hsm, self.clock, random)
        self.clock.before_advance = self._journal_clock
        self.clock.after_advance = self.endpoint.run_due

    # --- Who may call ---------------------------------------------------------------------

    def administrator(self, account: str = DEFAULT_ACCOUNT) -> User:
        """The IAM user `administrator` of `account`, with AWS's AdministratorAccess policy.

        Account and user are made on first use. Raises ValueError for an account that is not
        12 digits.
        """
        known = self._store.users.get(_checked_account(account), ADMINISTRATOR)
        return known or self._make_user(account, ADMINISTRATOR, (ADMINISTRATOR_ACCESS,))

    def user(
        self,
        user_name: str,
        policy: dict[str, Any] | str | None = None,
        account: str = DEFAULT_ACCOUNT,
    ) -> User:
        """The IAM user `user_name`, made on first use; `policy` becomes its one policy.

        A user without a policy may do what key policies grant to it by name, and nothing else.
        Raises ValueError for a policy that cannot be read.
        """
        known = self._store.users.get(_checked_account(account), user_name)
        if known and policy is None:
            return known
        policies = () if policy is None else (("inline", _policy_text(policy)),)
        return self._make_user(account, user_name, policies, known)

    def credentials(self, user: User) -> AccessKey:
        """An access key of `user`; the same one each time."""
        for access_key in self._store.access_keys.on(""):
            if (access_key.account, access_key.user_name) == (user.account, user.user_name):
                return access_key
        secret = self.random(30).hex()[:40]
        access_key_id = f"AKIA{self._random_id(16)}"
        return self.add_credentials(user, access_key_id, secret)

    def add_credentials(self, user: User, access_key_id: str, secret_access_key: str) -> AccessKey:
        """Give `user` an access key with a given id and secret."""
        access_key = AccessKey(access_key_id, secret_access_key, user.account, user.user_name)
        self._store.commit(Changes(put=[access_key]), ())
        return access_key

    # --- What a learner works with --------------------------------------------------------

    def client(
        self,
        service: str,
        principal: User | None = None,
        region_name: str = DEFAULT_REGION,
        config: Any = None,
    ) -> Any:
        """A real boto3 client, answered by this lab.

        `principal` is a user of this lab, by default the administrator of account
        111122223333; `config` a botocore Config that goes over the lab's own. Raises
        ValueError for a service that the lab does not have or a Region that AWS does not have.
        """
        from kmslab.wire.boto import in_process_client

        if service not in SERVICES:
            raise ValueError(f"service must be one of {sorted(SERVICES)}, not {service!r}")
        if region_name not in region_names():
            raise ValueError(f"there is no Region {region_name!r}")
        access_key = self.credentials(principal or self.administrator())
        return in_process_client(
            service,
            region_name,
            access_key.access_key_id,
            access_key.secret_access_key,
            self.handle,
            config,
        )

    def handle(self, request: Request) -> Answer:
        """Answer one signed HTTP request, as the door does."""
        return self.endpoint.handle(request)

    def events(self) -> list[dict[str, Any]]:
        """What happened, oldest first, in CloudTrail's record format."""
        return [event.as_record() for event in tuple(self._store.events)]

    def reset(self) -> None:
        """Empty the lab: accounts, keys and events are gone, and the clock is set back."""
        with self._store.lock:
            self._store.clear()
            self._hsm.forget_all()
            self.clock.advanced = timedelta(0)

    def close(self) -> None:
        """Let go of the lab's directory."""
        self._store.close()

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

    def _make_user(
        self,
        account: str,
        user_name: str,
        policies: tuple[tuple[str, str], ...],
        known: User | None = None,
    ) -> User:
        user_id = known.user_id if known else f"AIDA{self._random_id(17)}"
        user = User(account, user_name, user_id, policies)
        self._store.commit(Changes(put=[user]), ())
        return user

    def _random_id(self, length: int) -> str:
        return "".join(_ID_LETTERS[byte % 32] for byte in self.random(length))


def _checked_account(account: str) -> str:
    if not (isinstance(account, str) and re.fullmatch("[0-9]{12}", account)):
        raise ValueError(f"an account is 12 digits, not {account!r}")
    return account


def _policy_text(policy: dict[str, Any] | str) -> str:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    try:
        identity_policy(text)
    except PolicyError as problem:
        raise ValueError(f"{problem} {text}") from None
    return text
