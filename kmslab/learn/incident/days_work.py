"""What honest people and programs do on that day.

Each function is an actor. None of them knows of the theft; some of what they do looks odd all the
same, as honest work does: a program that is refused a hundred times, somebody who works at night
from a hotel, a backup that opens everything.
"""

from collections.abc import Iterator

from kmslab.learn.incident.callers import EUROPE, Caller
from kmslab.learn.incident.chance import Chance, at
from kmslab.learn.incident.company import (
    ANALYTICS,
    CUSTOMERS,
    FIGURE_NAMES,
    INVOICES,
    LAKE,
    ORDERS,
    ORDERS_EU,
    PROFILE_NAMES,
    PROFILES,
    REPORTS,
    SECURITY,
    SHOP,
    TRAILS,
    put_record,
    role_arn,
)
from kmslab.learn.incident.running import Actor
from kmslab.learn.incident.stage import OFFICE, RUNNERS, Stage, refusals_do_not_matter

_SHOPPING = [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 10, 9, 8, 8, 9, 10, 12, 13, 12, 9, 6, 3]
_OFFICE_HOURS = [0] * 9 + [4, 6, 6, 3, 5, 6, 5, 4] + [0] * 7
_EUROPE_HOURS = [0] * 7 + [1] * 12 + [0] * 5

JAVA, PYTHON = "aws-sdk-java/2.34.3", "Boto3/1.44.2 Python/3.12"


def everybody(stage: Stage) -> list[Actor]:
    """All honest actors."""
    workers = [_invoice_worker(stage, number) for number in range(3)]
    shops = [_web_shop(stage, number) for number in range(2)]
    support = [_support(stage, name) for name in ("bea", "chloe", "dan")]
    deployers = [_deployer(stage, number) for number in range(4)]
    analysts = [_analyst(stage, name) for name in ("finn", "gita")]
    others = [
        each(stage)
        for each in (
            *(_orders, _orders_in_europe, _customer_service, _backup, _reports, _loyalty),
            *(_ada, _on_call, _etl, _auditor),
        )
    ]
    return [*workers, *shops, *support, *deployers, *analysts, *others]


# --- All day ------------------------------------------------------------------------------


class _Shifts:
    """A program that runs all day, with credentials that are renewed every six hours."""

    def __init__(self, stage: Stage, role_name: str, source_ip: str, program: str) -> None:
        self._stage = stage
        self._start = role_name, source_ip, program
        self._shift = -1
        self._caller: Caller | None = None

    def at(self, second: int) -> Caller:
        shift = second // at(6)
        if shift != self._shift or self._caller is None:
            role_name, source_ip, program = self._start
            session = f"{role_name}-{source_ip.rpartition('.')[2]}-{shift}"
            self._caller = self._stage.start(role_name, session, source_ip, program, hours=6)
            self._shift = shift
        return self._caller


def _web_shop(stage: Stage, number: int) -> Iterator[int]:
    """Keeps what is in a visitor's cart in an encrypted cookie."""
    chance, pairs = Chance(f"web-shop {number}"), {"purpose": "cart"}
    shifts = _Shifts(stage, "web-shop", f"10.1.{4 + number}.21", JAVA)
    cookies: list[bytes] = []
    for second in chance.moments(2900, _SHOPPING):
        yield second
        kms = shifts.at(second).kms
        if len(cookies) < 5 or chance.below(3) == 0:
            sealed = kms.encrypt(KeyId=stage.key("carts"), Plaintext=b"[]", EncryptionContext=pairs)
            cookies = [*cookies[-20:], sealed["CiphertextBlob"]]
        else:
            kms.decrypt(CiphertextBlob=chance.pick(cookies), EncryptionContext=pairs)


def _orders(stage: Stage) -> Iterator[int]:
    chance = Chance("orders")
    shifts = _Shifts(stage, "order-service", "10.1.4.40", JAVA)
    names: list[str] = []
    for second in chance.moments(2500, _SHOPPING):
        yield second
        s3 = shifts.at(second).s3
        if len(names) < 3 or chance.below(2):
            names.append(f"orders/2026-03-10/{len(names):05}.json")
            s3.put_object(Bucket=ORDERS, Key=names[-1], Body=b"{}")
        else:
            s3.get_object(Bucket=ORDERS, Key=chance.pick(names))


def _orders_in_europe(stage: Stage) -> Iterator[int]:
    """Three times an hour it looks whether anything is new."""
    chance = Chance("orders in Europe")
    shifts = _Shifts(stage, "order-service", "10.2.4.40", JAVA)
    for hour, busy in enumerate(_EUROPE_HOURS):
        for minute in (5, 25, 45) if busy else ():
            for second in chance.within(9, at(hour, minute), at(hour, minute + 3)):
                yield second
                s3 = shifts.at(second).client("s3", EUROPE)
                name = f"orders/2026-03-09/{chance.below(40):05}.json"
                s3.get_object(Bucket=ORDERS_EU, Key=name)


def _customer_service(stage: Stage) -> Iterator[int]:
    chance = Chance("customer-service")
    shifts = _Shifts(stage, "customer-service", "10.1.5.60", JAVA)
    for second in chance.moments(160, _SHOPPING):
        yield second
        s3, name = shifts.at(second).s3, chance.pick(PROFILE_NAMES)
        s3.get_object(Bucket=CUSTOMERS, Key=name)
        put_record(s3, stage.key("customers"), name, b"{}", PROFILES)


def _etl(stage: Stage) -> Iterator[int]:
    """Every hour another account copies new orders into its lake."""
    chance = Chance("etl")
    for hour in range(24):
        yield at(hour, 10)
        worker = stage.start("etl", f"etl-{hour:02}", "10.9.1.12", PYTHON, account=ANALYTICS)
        for second in chance.within(22, at(hour, 11), at(hour, 16)):
            yield second
            if chance.below(3):
                name = f"orders/2026-03-09/{chance.below(300):05}.json"
                worker.s3.get_object(Bucket=ORDERS, Key=name)
            else:
                name = f"orders/hour={hour:02}/{second}.parquet"
                worker.s3.put_object(Bucket=LAKE, Key=name, Body=b"PAR1")


# --- By night -----------------------------------------------------------------------------


def _invoice_worker(stage: Stage, number: int) -> Iterator[int]:
    """A batch whose worker has no right to the key of the invoices but a grant for its batch."""
    chance = Chance(f"invoices {number}")
    pairs = {"batch": f"2026-03-09-{'abc'[number]}"}
    yield at(1, 0, 20 + number)
    scheduler = stage.start("scheduler", f"batch-{number}", "10.1.9.2", PYTHON)
    grant = scheduler.kms.create_grant(
        KeyId=stage.key("invoices"),
        GranteePrincipal=role_arn(SHOP, "invoice-batch"),
        RetiringPrincipal=role_arn(SHOP, "scheduler"),
        Operations=["GenerateDataKey", "Decrypt"],
        Constraints={"EncryptionContextSubset": pairs},
        Name=f"batch-{number}",
    )
    yield at(1, 1)
    worker = stage.start("invoice-batch", f"batch-{number}", f"10.1.9.{20 + number}", JAVA, 3)
    for second in chance.within(330, at(1, 2), at(1, 50)):
        yield second
        name = f"orders/2026-03-09/{chance.below(300):05}.json"
        worker.s3.get_object(Bucket=ORDERS, Key=name)
        worker.kms.generate_data_key(
            KeyId=stage.key("invoices"), KeySpec="AES_256", EncryptionContext=pairs
        )
    yield at(1, 52)
    scheduler.kms.retire_grant(KeyId=stage.key("invoices"), GrantId=grant["GrantId"])


def _backup(stage: Stage) -> Iterator[int]:
    """Opens whatever lies in any bucket, as it does every night."""
    yield at(3)
    backup = stage.start("backup", "nightly", "10.1.9.9", PYTHON, hours=2)
    names = []
    for bucket in (CUSTOMERS, INVOICES, ORDERS, REPORTS):
        yield at(3, 1)
        pages = backup.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        listed = [each["Key"] for page in pages for each in page.get("Contents", ())]
        names += [(bucket, name) for name in listed]
    for place, (bucket, name) in enumerate(names):
        yield at(3, 2) + 5 * place
        backup.s3.get_object(Bucket=bucket, Key=name)


def _auditor(stage: Stage) -> Iterator[int]:
    """Reads some of yesterday's files, as every morning."""
    auditor = stage.person("auditor", "203.0.113.11", SECURITY)
    yield at(6)
    for account in (SHOP, ANALYTICS):
        listed = auditor.s3.list_objects_v2(Bucket=TRAILS, Prefix=f"AWSLogs/{account}/CloudTrail/")
        for place, each in enumerate(listed["Contents"][:60]):
            yield at(6, 1) + 4 * place + (300 if account == ANALYTICS else 0)
            auditor.s3.get_object(Bucket=TRAILS, Key=each["Key"])


# --- People -------------------------------------------------------------------------------


def _support(stage: Stage, name: str) -> Iterator[int]:
    """Looks at the profiles of customers who call."""
    chance = Chance(f"support {name}")
    program = "support-console/4.2 aws-sdk-js/3.940.0"
    yield at(9) + chance.below(600)
    desk = stage.person(name).assume(role_arn(SHOP, "support-desk"), name, OFFICE, program, hours=9)
    for second in chance.moments(230, _OFFICE_HOURS):
        yield max(second, at(9, 12))
        desk.s3.get_object(Bucket=CUSTOMERS, Key=chance.pick(PROFILE_NAMES))
        if chance.below(30) == 0:
            # A customer who has never been one.
            with refusals_do_not_matter:
                desk.s3.get_object(Bucket=CUSTOMERS, Key=f"profiles/{chance.below(9000)}.json")


def _on_call(stage: Stage) -> Iterator[int]:
    """Bea is on call tonight, and sits in a hotel."""
    chance, hotel = Chance("on call"), "192.0.2.77"
    yield at(22, 41, 3)
    desk = stage.person("bea", hotel).assume(
        role_arn(SHOP, "support-desk"), "bea-on-call", hotel, "support-console/4.2 mobile", hours=2
    )
    for second in chance.within(26, at(22, 42), at(23, 20)):
        yield second
        desk.s3.get_object(Bucket=CUSTOMERS, Key=chance.pick(PROFILE_NAMES))


def _ada(stage: Stage) -> Iterator[int]:
    """Looks after keys, from the office and in the evening from home."""
    chance = Chance("ada")
    for place, moments in (
        (OFFICE, chance.within(34, at(9, 20), at(17, 30))),
        ("192.0.2.15", chance.within(14, at(20, 5), at(21, 10))),
    ):
        ada = stage.person("ada", place)
        for second in moments:
            yield second
            key_id = stage.key(chance.pick(["customers", "orders", "invoices", "carts"]))
            look = chance.pick([ada.kms.describe_key, ada.kms.list_grants, ada.kms.get_key_policy])
            look(KeyId=key_id)
            if chance.below(12) == 0:
                with refusals_do_not_matter:
                    ada.kms.update_key_description(KeyId=key_id, Description="see the wiki")


def _analyst(stage: Stage, name: str) -> Iterator[int]:
    chance = Chance(f"analyst {name}")
    yield at(9, 5) + chance.below(600)
    person = stage.person(name, OFFICE, ANALYTICS)
    desk = person.assume(role_arn(ANALYTICS, "analyst"), name, OFFICE, PYTHON, hours=10)
    listed = desk.s3.list_objects_v2(Bucket=LAKE)["Contents"]
    for second in chance.moments(110, _OFFICE_HOURS):
        yield max(second, at(9, 20))
        desk.s3.get_object(Bucket=LAKE, Key=chance.pick(listed)["Key"])
        if chance.below(20) == 0:
            # What lies in the other account is not for analysts.
            with refusals_do_not_matter:
                desk.s3.list_objects_v2(Bucket=ORDERS)


def _deployer(stage: Stage, number: int) -> Iterator[int]:
    """A pipeline; its steps run on three machines that share one session."""
    chance, start = Chance(f"deployer {number}"), at(10 + 2 * number, 12)
    yield start
    first = stage.start("deployer", f"pipeline-{411 + number}", *RUNNERS[0])
    runners = [first, *(first.moved_to(*runner) for runner in RUNNERS[1:])]
    for second in chance.within(20, start + 30, start + 420):
        yield second
        kms = chance.pick(runners).kms
        key_id = stage.key(chance.pick(["orders", "carts", "reports"]))
        kms.describe_key(KeyId=key_id)
        if chance.below(6) == 0:
            # Nobody has given this right to pipelines yet.
            with refusals_do_not_matter:
                kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "team", "TagValue": "shop"}])


# --- What is new today --------------------------------------------------------------------


def _reports(stage: Stage) -> Iterator[int]:
    """Draws reports four times a day; from eleven o'clock on they have figures in them."""
    chance = Chance("reports")
    for number, hour in enumerate((6, 11, 16, 21)):
        yield at(hour)
        renderer = stage.start(
            "report-renderer", f"render-{number + 1}", "10.1.7.31", PYTHON, hours=4
        )
        stage.debug_log.append(renderer)
        for second in chance.within(5, at(hour, 0, 10), at(hour, 1)):
            yield second
            name = f"reports/2026-03-0{chance.below(6) + 1}.pdf"
            renderer.s3.get_object(Bucket=REPORTS, Key=name)
        # The second part comes two hours later, when the figures were checked.
        for part, names in ((2, FIGURE_NAMES[:3]), (134, FIGURE_NAMES[3:])) if number else ():
            for place, name in enumerate(names):
                yield at(hour, part) + 9 * place
                renderer.s3.get_object(Bucket=CUSTOMERS, Key=name)
            yield at(hour, part + 1)
            name = f"reports/2026-03-10-{hour}-{part}.pdf"
            renderer.s3.put_object(Bucket=REPORTS, Key=name, Body=b"%PDF")


def _loyalty(stage: Stage) -> Iterator[int]:
    """A new program goes live at noon and may not open a single profile, until somebody sees to
    it: Emil makes a grant, for profiles alone."""
    chance = Chance("loyalty")
    yield at(12, 1)
    loyalty = stage.start("loyalty", "loyalty-1", "10.1.6.12", JAVA, hours=12)
    for second in chance.within(96, at(12, 2), at(13, 36)):
        yield second
        with refusals_do_not_matter:
            loyalty.s3.get_object(Bucket=CUSTOMERS, Key=chance.pick(PROFILE_NAMES))
    yield at(13, 38, 20)
    stage.person("emil").kms.create_grant(
        KeyId=stage.key("customers"),
        GranteePrincipal=role_arn(SHOP, "loyalty"),
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": PROFILES},
    )
    for second in chance.moments(90, [0] * 14 + _SHOPPING[14:]):
        yield second
        loyalty.s3.get_object(Bucket=CUSTOMERS, Key=chance.pick(PROFILE_NAMES))
