"""The theft: how a grant was made with good intent, and what was done under it.

It is all that `days_work` does not know of. Dora makes a grant, so that a program can read figures.
The program writes its environment into a log, credentials and all, and somebody far away finds it.
"""

from collections.abc import Iterator

from kmslab.learn.incident.chance import Chance, at
from kmslab.learn.incident.company import (
    CUSTOMERS,
    INVOICES,
    ORDERS,
    PROFILE_NAMES,
    REPORTS,
    SHOP,
    role_arn,
)
from kmslab.learn.incident.running import Actor
from kmslab.learn.incident.stage import Stage, refusals_do_not_matter

ROLE = role_arn(SHOP, "report-renderer")
THIEF_IP, THIEF_PROGRAM = "192.0.2.141", "aws-cli/2.28.1"
STOLEN = 41


def incident(stage: Stage) -> list[Actor]:
    return [_good_intent(stage), _theft(stage)]


def _good_intent(stage: Stage) -> Iterator[int]:
    """The first grant is on the wrong key, and is taken back."""
    yield at(10, 4, 11)
    dora = stage.person("dora")
    wanted = {"GranteePrincipal": ROLE, "Operations": ["Decrypt", "DescribeKey"]}
    mistaken = dora.kms.create_grant(KeyId=stage.key("reports"), **wanted)
    yield at(10, 7, 50)
    dora.kms.revoke_grant(KeyId=stage.key("reports"), GrantId=mistaken["GrantId"])
    yield at(10, 8, 36)
    dora.kms.create_grant(KeyId=stage.key("customers"), **wanted)


def _theft(stage: Stage) -> Iterator[int]:
    yield at(12, 52, 10)
    thief = stage.debug_log[-1].moved_to(THIEF_IP, THIEF_PROGRAM)
    thief.client("sts").get_caller_identity()
    yield at(12, 54, 2)
    with refusals_do_not_matter:
        thief.kms.list_keys()
    yield at(12, 55, 40)
    thief.s3.list_objects_v2(Bucket=REPORTS)
    yield at(12, 56, 21)
    for second, bucket in ((0, INVOICES), (14, ORDERS)):
        yield at(12, 57, second)
        with refusals_do_not_matter:
            thief.s3.list_objects_v2(Bucket=bucket)
    for second, name in ((36, "profiles/all.json"), (49, "export.csv")):
        yield at(12, 57, second)
        with refusals_do_not_matter:
            # A guess: there is no such object.
            thief.s3.get_object(Bucket=CUSTOMERS, Key=name)
    yield at(12, 58, 5)
    thief.s3.list_objects_v2(Bucket=CUSTOMERS)
    for second, name in ((31, "orders"), (47, "invoices")):
        yield at(12, 59, second)
        with refusals_do_not_matter:
            thief.kms.list_grants(KeyId=stage.key(name))
    chance = Chance("theft")
    wanted = sorted({chance.below(len(PROFILE_NAMES)) for _ in range(60)})[:STOLEN]
    for number, second in zip(wanted, chance.within(STOLEN, at(13, 2), at(13, 25)), strict=True):
        yield second
        thief.s3.get_object(Bucket=CUSTOMERS, Key=PROFILE_NAMES[number])
    yield at(13, 26, 12)
    with refusals_do_not_matter:
        thief.kms.create_grant(
            KeyId=stage.key("customers"),
            GranteePrincipal="arn:aws:iam::999988887777:root",
            Operations=["Decrypt"],
        )
    yield at(13, 27, 30)
    with refusals_do_not_matter:
        thief.kms.schedule_key_deletion(KeyId=stage.key("customers"))
