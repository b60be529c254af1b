"""Typical wrong answers to the exercises of notebook 10, each with the mistake it makes."""

from collections import Counter

CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
NAMED = "kms:EncryptionContext:aws:cloudtrail:arn"
OF_A_TRAIL = {"Null": {NAMED: "false"}}


# --- 10-1 ---------------------------------------------------------------------------------


def allowed(principal, *actions, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return {**statement, "Condition": condition} if condition else statement


def one_trail(trail_arn):
    account = trail_arn.split(":")[4]
    return {
        "StringEquals": {"aws:SourceArn": trail_arn},
        "StringLike": {NAMED: f"arn:aws:cloudtrail:*:{account}:trail/*"},
    }


def encrypts(trail_arn, *actions, **condition):
    condition = condition or one_trail(trail_arn)
    return allowed(CLOUDTRAIL, *(actions or ("kms:GenerateDataKey*",)), **condition)


def looks(trail_arn):
    return allowed(CLOUDTRAIL, "kms:DescribeKey", StringEquals={"aws:SourceArn": trail_arn})


def reads(reader_arn):
    return allowed({"AWS": reader_arn}, "kms:Decrypt", **OF_A_TRAIL)


def forgets_to_look(trail_arn, reader_arn):
    return [encrypts(trail_arn), reads(reader_arn)]


def forgets_to_encrypt(trail_arn, reader_arn):
    return [looks(trail_arn), reads(reader_arn)]


def forgets_the_reader(trail_arn, reader_arn):
    return [encrypts(trail_arn), looks(trail_arn)]


def looks_with_a_context(trail_arn, reader_arn):
    return [encrypts(trail_arn, "kms:GenerateDataKey*", "kms:DescribeKey"), reads(reader_arn)]


def trusts_cloudtrail(trail_arn, reader_arn):
    return [allowed(CLOUDTRAIL, "kms:GenerateDataKey*", "kms:DescribeKey"), reads(reader_arn)]


def trusts_the_account(trail_arn, reader_arn):
    account = {"StringEquals": {"aws:SourceAccount": trail_arn.split(":")[4]}}
    context = {"StringLike": one_trail(trail_arn)["StringLike"]}
    return [
        encrypts(trail_arn, **account, **context),
        allowed(CLOUDTRAIL, "kms:DescribeKey", **account),
        reads(reader_arn),
    ]


def ties_encryption_alone(trail_arn, reader_arn):
    return [encrypts(trail_arn), allowed(CLOUDTRAIL, "kms:DescribeKey"), reads(reader_arn)]


def forgets_the_context_of_encryption(trail_arn, reader_arn):
    source = {"StringEquals": {"aws:SourceArn": trail_arn}}
    return [encrypts(trail_arn, **source), looks(trail_arn), reads(reader_arn)]


def compares_a_pattern_as_text(trail_arn, reader_arn):
    account = trail_arn.split(":")[4]
    both = {"aws:SourceArn": trail_arn, NAMED: f"arn:aws:cloudtrail:*:{account}:trail/*"}
    return [encrypts(trail_arn, StringEquals=both), looks(trail_arn), reads(reader_arn)]


def gives_cloudtrail_everything(trail_arn, reader_arn):
    source = {"StringEquals": {"aws:SourceArn": trail_arn}}
    return [allowed(CLOUDTRAIL, "kms:*", **source), reads(reader_arn)]


def lets_everybody_read(trail_arn, reader_arn):
    return [encrypts(trail_arn), looks(trail_arn), reads("*")]


def lets_the_account_read(trail_arn, reader_arn):
    return [encrypts(trail_arn), looks(trail_arn), reads(trail_arn.split(":")[4])]


def forgets_the_context_of_reading(trail_arn, reader_arn):
    reader = allowed({"AWS": reader_arn}, "kms:Decrypt")
    return [encrypts(trail_arn), looks(trail_arn), reader]


def turns_null_around(trail_arn, reader_arn):
    reader = allowed({"AWS": reader_arn}, "kms:Decrypt", Null={NAMED: "true"})
    return [encrypts(trail_arn), looks(trail_arn), reader]


def gives_the_reader_everything(trail_arn, reader_arn):
    reader = allowed({"AWS": reader_arn}, "kms:*", **OF_A_TRAIL)
    return [encrypts(trail_arn), looks(trail_arn), reader]


def lets_the_reader_look(trail_arn, reader_arn):
    reader = allowed({"AWS": reader_arn}, "kms:DescribeKey")
    return [encrypts(trail_arn), looks(trail_arn), reads(reader_arn), reader]


def names_the_trail_as_the_resource(trail_arn, reader_arn):
    return [{**encrypts(trail_arn), "Resource": trail_arn}, looks(trail_arn), reads(reader_arn)]


def names_the_trail_as_the_principal(trail_arn, reader_arn):
    return [{**encrypts(trail_arn), "Principal": {"AWS": trail_arn}}, reads(reader_arn)]


def returns_a_whole_policy(trail_arn, reader_arn):
    return {"Version": "2012-10-17", "Statement": forgets_the_reader(trail_arn, reader_arn)}


def returns_nothing(*arguments):
    return None


# --- 10-2 ---------------------------------------------------------------------------------


def counted(events, *tests):
    """A solution of 10-2 with these tests in place of the right ones."""
    chosen = [event for event in events if all(test(event) for test in tests)]
    return Counter(event["userIdentity"].get("arn") for event in chosen)


def is_decrypt(event):
    return event["eventName"] == "Decrypt"


def passed(event):
    return "errorCode" not in event


def names_a_trail(event):
    parameters = event["requestParameters"] or {}
    return "aws:cloudtrail:arn" in parameters.get("encryptionContext", {})


def came_through_s3(event):
    return "invokedBy" in event["userIdentity"]


WRONG = {
    "10-1": [
        ("forgets that CloudTrail looks at the key", forgets_to_look),
        ("forgets that CloudTrail encrypts", forgets_to_encrypt),
        ("forgets the reader", forgets_the_reader),
        ("wants a context of DescribeKey", looks_with_a_context),
        ("trusts CloudTrail whatever it works for", trusts_cloudtrail),
        ("trusts every trail of the account", trusts_the_account),
        ("ties the encryption to the trail, and not the look", ties_encryption_alone),
        ("forgets the context where CloudTrail encrypts", forgets_the_context_of_encryption),
        ("compares a pattern with StringEquals", compares_a_pattern_as_text),
        ("gives CloudTrail everything", gives_cloudtrail_everything),
        ("lets everybody read", lets_everybody_read),
        ("lets the whole account read", lets_the_account_read),
        ("forgets the context where the auditor reads", forgets_the_context_of_reading),
        ("turns Null around", turns_null_around),
        ("gives the auditor everything", gives_the_reader_everything),
        ("lets the auditor look at the key", lets_the_reader_look),
        ("names the trail as the resource", names_the_trail_as_the_resource),
        ("names the trail as the principal", names_the_trail_as_the_principal),
        ("returns a whole policy", returns_a_whole_policy),
        ("returns nothing", returns_nothing),
    ],
    "10-2": [
        ("counts every Decrypt", lambda events: counted(events, is_decrypt)),
        ("counts the refused", lambda events: counted(events, is_decrypt, names_a_trail)),
        ("counts other files", lambda events: counted(events, is_decrypt, passed)),
        (
            "takes all that came through S3",
            lambda events: counted(events, is_decrypt, passed, came_through_s3),
        ),
        ("counts writing too", lambda events: counted(events, passed, names_a_trail)),
        (
            "looks for GetObject, which is a data event",
            lambda events: counted(events, lambda event: event["eventName"] == "GetObject"),
        ),
        (
            "counts everybody once",
            lambda events: dict.fromkeys(counted(events, is_decrypt, passed, names_a_trail), 1),
        ),
        (
            "returns names alone",
            lambda events: sorted(counted(events, is_decrypt, passed, names_a_trail)),
        ),
        ("returns nothing", returns_nothing),
    ],
}
