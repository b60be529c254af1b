"""The records of CloudTrail: trails, the files they still owe, and their chains of digests.

They follow the same rules as every record (`records`). Events are not here: they lie in the store
in the order they happened, counted from 0, and a trail knows how far it has told them. A file that
is decided on keeps its name and its events until it lies in the bucket, so that whoever is stopped
in between writes the same file again and no event twice.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from kmslab import arn as arns

Pairs = tuple[tuple[str, str], ...]

# Trails that were deleted and still owe files, whatever account and Region they were of.
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail. `region` is its home Region.

    `event_selectors` and `advanced_event_selectors` are JSON text as PutEventSelectors took it,
    "" where nothing was put. `next_event` is the first event that it has not looked at yet;
    `end_event`, where logging has stopped, the first one that is not its business any more. The
    `latest_` members are what GetTrailStatus tells of deliveries.
    """

    table: ClassVar[str] = "trails"
    account: str
    region: str
    trail_name: str
    creation_date: float
    bucket_name: str
    prefix: str = ""
    kms_key_arn: str = ""
    includes_global_events: bool = True
    is_multi_region: bool = False
    validates_log_files: bool = False
    event_selectors: str = ""
    advanced_event_selectors: str = ""
    tags: Pairs = ()
    is_logging: bool = False
    started: float | None = None
    stopped: float | None = None
    next_event: int = 0
    end_event: int | None = 0
    deleted: float | None = None
    latest_delivery: float | None = None
    latest_delivery_attempt: float | None = None
    latest_delivery_error: str = ""
    latest_digest_delivery: float | None = None
    latest_digest_attempt: float | None = None
    latest_digest_error: str = ""

    @property
    def arn(self) -> str:
        return arns.trail_arn(self.account, self.region, self.trail_name)

    @property
    def trail_id(self) -> str:
        """One trail's and no other's: a name can be given again."""
        return f"{self.account}/{self.region}/{self.trail_name}/{self.creation_date}"

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}" if self.deleted is None else DELETED

    @property
    def name(self) -> str:
        return self.trail_name if self.deleted is None else self.trail_id


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A log or digest file that is decided on and not in the bucket yet.

    `number` counts the files of a trail; `object_name` is the object key without the trail's
    prefix. A log file tells of `events`, by their place in the store; a digest file is `digest`,
    its text, with `signature` in hex.
    """

    table: ClassVar[str] = "waiting_files"
    trail_id: str
    number: int
    region: str
    object_name: str
    created: float
    events: tuple[int, ...] = ()
    digest: str = ""
    signature: str = ""

    @property
    def is_digest(self) -> bool:
        return bool(self.digest)

    @property
    def shelf(self) -> str:
        return self.trail_id

    @property
    def name(self) -> str:
        return f"{self.number:012}"


@dataclass(frozen=True, slots=True)
class DeliveredLogFile:
    """A log file that lies in its bucket and that no digest names yet."""

    table: ClassVar[str] = "delivered_log_files"
    trail_id: str
    region: str
    bucket_name: str
    object_key: str
    hash_value: str
    oldest_event: float
    newest_event: float

    @property
    def shelf(self) -> str:
        return f"{self.trail_id}/{self.region}"

    @property
    def name(self) -> str:
        return self.object_key


@dataclass(frozen=True, slots=True)
class DigestChain:
    """Where the digests of one trail in one Region stand: the hour that `begins`, and the digest
    before it, "" where there is none."""

    table: ClassVar[str] = "digest_chains"
    trail_id: str
    region: str
    begins: float
    previous_bucket: str = ""
    previous_object: str = ""
    previous_hash: str = ""
    previous_signature: str = ""

    @property
    def shelf(self) -> str:
        return self.trail_id

    @property
    def name(self) -> str:
        return self.region


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair that signs the digests of one Region for a while: the public key as PKCS #1 in
    DER, the private one wrapped by the vault, both as hex text."""

    table: ClassVar[str] = "signing_keys"
    region: str
    fingerprint: str
    begins: float
    ends: float
    public_key: str
    token: str = field(repr=False)

    @property
    def shelf(self) -> str:
        return self.region

    @property
    def name(self) -> str:
        return self.fingerprint
