"""The company: its accounts, keys, buckets and people, and who may do what.

Amber sells furniture. `SHOP` is where it sells, `ANALYTICS` reads what was ordered, `SECURITY`
keeps the trails of all three. Everything here was there before the day began, and none of it
changes on that day but grants. Key policies of personal data name roles; other keys leave it to
the account.
"""

import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from kmslab.lab import Lab
from kmslab.learn.incident.callers import EUROPE, REGION
from kmslab.learn.incident.places import MIDNIGHT, SEED, TEST_KEYS
from kmslab.sources import StillClock, insecure_seeded_random

SHOP, ANALYTICS, SECURITY = "111122223333", "444455556666", "777788889999"
ACCOUNTS = {"shop": SHOP, "analytics": ANALYTICS, "security": SECURITY}

CUSTOMERS, INVOICES, ORDERS, REPORTS = (
    f"amber-{name}" for name in ("customers", "invoices", "orders", "reports")
)
ORDERS_EU, LAKE, TRAILS = "amber-orders-eu", "amber-lake", "amber-trails"
PROFILES, FIGURES = {"dataset": "profiles"}, {"dataset": "figures"}
PROFILE_NAMES = [f"profiles/{number}.json" for number in range(10_000, 10_260)]
FIGURE_NAMES = [f"figures/2026-0{month}/{name}.csv" for month in (1, 2) for name in "abc"]

Document = dict[str, Any]


class Company(NamedTuple):
    """The ARNs of the keys, by alias and bucket."""

    keys: dict[str, str]


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def trail_arn(name: str) -> str:
    """Of the account with this name in `ACCOUNTS`."""
    return f"arn:aws:cloudtrail:{REGION}:{ACCOUNTS[name]}:trail/{name}"


def new_lab() -> Lab:
    """A lab in the evening before, whose clock moves only when it is moved."""
    clock = StillClock(MIDNIGHT - timedelta(minutes=30), step=timedelta(0))
    keys = [path.read_bytes() for path in sorted(TEST_KEYS.glob("trail_*.der"))]
    return Lab(clock=clock, random=insecure_seeded_random(SEED), trail_signing_keys=keys)


def found(lab: Lab, with_objects: bool = True) -> Company:
    """Make the company, and what lies in its buckets; without these objects it is the same company,
    with the same keys, and there sooner."""
    _hire(lab)
    company = Company(_make_keys(lab))
    _make_buckets(lab, company)
    if with_objects:
        _fill_buckets(lab, company)
    return company


def start_trails(lab: Lab, company: Company) -> None:
    """A trail in each account, into one bucket and under one key, logging from midnight on."""
    lab.clock.advance(seconds=MIDNIGHT.timestamp() - lab.clock.now())
    for name, account in ACCOUNTS.items():
        cloudtrail = lab.client("cloudtrail", lab.administrator(account))
        cloudtrail.create_trail(
            Name=name,
            S3BucketName=TRAILS,
            KmsKeyId=company.keys["trails"],
            IsMultiRegionTrail=True,
            EnableLogFileValidation=True,
        )
        buckets = {
            SHOP: (CUSTOMERS, INVOICES, ORDERS, REPORTS, ORDERS_EU),
            ANALYTICS: (LAKE, ORDERS),
        }
        arns = [f"arn:aws:s3:::{bucket}/" for bucket in buckets.get(account, ())]
        objects = {"Type": "AWS::S3::Object", "Values": arns}
        cloudtrail.put_event_selectors(
            TrailName=name,
            EventSelectors=[{"ReadWriteType": "All", "DataResources": [objects] if arns else []}],
        )
        cloudtrail.start_logging(Name=name)


def put_record(s3: Any, key_arn: str, name: str, body: bytes, pairs: dict[str, str]) -> None:
    """Write an object of personal data: its encryption context says what kind it is."""
    told = base64.b64encode(json.dumps(pairs).encode()).decode()
    s3.put_object(
        Bucket=CUSTOMERS,
        Key=name,
        Body=body,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key_arn,
        SSEKMSEncryptionContext=told,
    )


# --- People and programs ------------------------------------------------------------------


def allow(*actions: str, on: str | Sequence[str] = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def policy(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _objects(*buckets: str) -> list[str]:
    return [f"arn:aws:s3:::{bucket}{end}" for bucket in buckets for end in ("", "/*")]


_READ = ("s3:GetObject", "s3:ListBucket")
_WRITE = ("s3:PutObject", *_READ)
_LOOK = ("kms:Describe*", "kms:List*", "kms:Get*", "iam:Get*", "iam:List*")
_BOTH_WAYS = ("kms:GenerateDataKey", "kms:Decrypt")


def _hire(lab: Lab) -> None:
    start = allow("sts:AssumeRole")
    for account in (SHOP, ANALYTICS):
        lab.user("platform", policy(start), account=account)
    lab.user("ada", policy(allow(*_LOOK, "kms:CreateGrant", "kms:RevokeGrant"), start))
    for name in ("dora", "emil"):
        lab.user(name, policy(allow(*_LOOK, "kms:CreateGrant", "kms:RevokeGrant"), start))
    for name in ("bea", "chloe", "dan"):
        lab.user(name, policy(start))
    for name in ("finn", "gita"):
        lab.user(name, policy(start), account=ANALYTICS)
    lab.user(
        "auditor",
        policy(allow(*_READ, on=_objects(TRAILS)), allow("kms:Decrypt")),
        account=SECURITY,
    )
    everything = _objects(CUSTOMERS, INVOICES, ORDERS, REPORTS)
    rights = {
        "web-shop": [allow("kms:Encrypt", "kms:Decrypt")],
        "order-service": [
            allow(*_WRITE, on=_objects(ORDERS, ORDERS_EU)),
            allow(*_BOTH_WAYS),
        ],
        "customer-service": [allow(*_WRITE, on=_objects(CUSTOMERS)), allow(*_BOTH_WAYS)],
        "support-desk": [allow(*_READ, on=_objects(CUSTOMERS)), allow("kms:Decrypt")],
        "scheduler": [allow("kms:CreateGrant", "kms:RetireGrant")],
        "invoice-batch": [
            allow(*_READ, on=_objects(ORDERS)),
            allow(*_WRITE, on=_objects(INVOICES)),
            allow("kms:Decrypt"),
        ],
        "backup": [allow(*_READ, on=everything), allow("kms:Decrypt")],
        "report-renderer": [
            allow(*_WRITE, on=_objects(REPORTS)),
            allow(*_READ, on=_objects(CUSTOMERS)),
            allow(*_BOTH_WAYS),
        ],
        "loyalty": [allow(*_READ, on=_objects(CUSTOMERS)), allow("kms:Decrypt")],
        "deployer": [allow(*_LOOK, "s3:ListBucket", "s3:GetBucketPolicy")],
    }
    for name, statements in rights.items():
        lab.role(name, policy(*statements))
    _let_sessions_last(lab, list(rights))
    in_lake = [allow(*_WRITE, on=_objects(LAKE)), allow(*_BOTH_WAYS)]
    lab.role("etl", policy(*in_lake, allow(*_READ, on=_objects(ORDERS))), account=ANALYTICS)
    lab.role("analyst", policy(allow(*_READ, on=_objects(LAKE)), in_lake[1]), account=ANALYTICS)
    _let_sessions_last(lab, ["etl", "analyst"], ANALYTICS)


def _let_sessions_last(lab: Lab, names: Sequence[str], account: str = SHOP) -> None:
    iam = lab.client("iam", lab.administrator(account))
    for name in names:
        iam.update_role(RoleName=name, MaxSessionDuration=12 * 3600)


# --- Keys ---------------------------------------------------------------------------------


def _make_keys(lab: Lab) -> dict[str, str]:
    named = {
        "customers": _names_roles("customer-service", "support-desk", "backup"),
        "invoices": _names_roles("backup"),
        "orders": _for_account(_root(SHOP), _root(ANALYTICS)),
        "reports": _for_account(_root(SHOP)),
        "carts": _for_account(_root(SHOP)),
    }
    keys = {name: _make_key(lab, name, text) for name, text in named.items()}
    keys["orders-eu"] = _make_key(lab, "orders-eu", _for_account(_root(SHOP)), region=EUROPE)
    keys["lake"] = _make_key(lab, "lake", _for_account(_root(ANALYTICS)), ANALYTICS)
    keys["trails"] = _make_key(lab, "trails", _for_trails(), SECURITY)
    return keys


def _make_key(
    lab: Lab, name: str, key_policy: Document, account: str = SHOP, region: str = REGION
) -> str:
    kms = lab.client("kms", lab.administrator(account), region)
    arn: str = kms.create_key(Description=name, Policy=json.dumps(key_policy))["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=arn)
    return arn


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _for_account(*roots: str) -> Document:
    """The identity policies of these accounts decide."""
    return policy(
        {"Sid": "ByIdentityPolicies", **allow("kms:*"), "Principal": {"AWS": list(roots)}}
    )


def _names_roles(*names: str) -> Document:
    """Nobody but these roles may use the key; how it is run is left to the account."""
    run = ("Describe*", "Get*", "List*", "Put*", "CreateGrant", "RevokeGrant", "CreateAlias")
    roles = [role_arn(SHOP, name) for name in names]
    return policy(
        {
            "Sid": "RunTheKey",
            **allow(*(f"kms:{name}" for name in run)),
            "Principal": {"AWS": _root(SHOP)},
        },
        {"Sid": "UseTheKey", **allow(*_BOTH_WAYS), "Principal": {"AWS": roles}},
    )


def _for_trails() -> Document:
    arns = {"StringEquals": {"aws:SourceArn": [trail_arn(name) for name in ACCOUNTS]}}
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    actions = ("kms:GenerateDataKey*", "kms:DescribeKey")
    return policy(
        {"Sid": "ByIdentityPolicies", **allow("kms:*"), "Principal": {"AWS": _root(SECURITY)}},
        {"Sid": "WriteTrails", **allow(*actions), "Principal": cloudtrail, "Condition": arns},
    )


# --- Buckets ------------------------------------------------------------------------------


def _make_buckets(lab: Lab, company: Company) -> None:
    for bucket, name in (
        (CUSTOMERS, "customers"),
        (INVOICES, "invoices"),
        (ORDERS, "orders"),
        (REPORTS, "reports"),
    ):
        _make_bucket(lab.client("s3"), bucket, company.keys[name])
    europe = lab.client("s3", region_name=EUROPE)
    _make_bucket(europe, ORDERS_EU, company.keys["orders-eu"], EUROPE)
    _make_bucket(lab.client("s3", lab.administrator(ANALYTICS)), LAKE, company.keys["lake"])
    _let_in(
        lab.client("s3"),
        ORDERS,
        {**allow(*_READ, on=_objects(ORDERS)), "Principal": {"AWS": role_arn(ANALYTICS, "etl")}},
    )
    keeper = lab.client("s3", lab.administrator(SECURITY))
    keeper.create_bucket(Bucket=TRAILS)
    arns = {"StringEquals": {"aws:SourceArn": [trail_arn(name) for name in ACCOUNTS]}}
    cloudtrail = {"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Condition": arns}
    written = allow("s3:GetBucketAcl", "s3:PutObject", on=_objects(TRAILS))
    _let_in(keeper, TRAILS, {**written, **cloudtrail})


def _make_bucket(s3: Any, bucket: str, key_arn: str, region: str = REGION) -> None:
    where = {} if region == REGION else {"LocationConstraint": region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]
        },
    )


def _let_in(s3: Any, bucket: str, statement: Document) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy(statement)))


def _fill_buckets(lab: Lab, company: Company) -> None:
    """What earlier days left. Who wrote it does not matter: no trail tells of it."""
    writer = lab.client("s3", lab.role("customer-service").session("before"))
    for name in PROFILE_NAMES:
        put_record(writer, company.keys["customers"], name, b"{}", PROFILES)
    for name in FIGURE_NAMES:
        put_record(writer, company.keys["customers"], name, b"a,b", FIGURES)
    orders = lab.client("s3", lab.role("order-service").session("before"))
    for number in range(300):
        orders.put_object(Bucket=ORDERS, Key=f"orders/2026-03-09/{number:05}.json", Body=b"{}")
    europe = lab.client("s3", lab.role("order-service").session("before"), EUROPE)
    for number in range(40):
        europe.put_object(Bucket=ORDERS_EU, Key=f"orders/2026-03-09/{number:05}.json", Body=b"{}")
    reports = lab.client("s3", lab.role("report-renderer").session("before"))
    for number in range(6):
        reports.put_object(Bucket=REPORTS, Key=f"reports/2026-03-0{number + 1}.pdf", Body=b"%PDF")
