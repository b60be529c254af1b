"""Typical wrong answers to the exercises of notebook 09, each with the mistake it makes."""

VIA = "s3.us-east-1.amazonaws.com"
CONTEXT = "kms:EncryptionContext:aws:s3:arn"
ALGORITHM = "s3:x-amz-server-side-encryption"
KMS_KEY = f"{ALGORITHM}-aws-kms-key-id"
USES = ("kms:GenerateDataKey", "kms:Decrypt")


# --- 09-1 ---------------------------------------------------------------------------------


def allowed(principal, *actions, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return [{**statement, "Condition": condition} if condition else statement]


def one_bucket(bucket):
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def answer(via=VIA, arns=None, actions=USES, principal=None, like="StringLike"):
    """A solution of 09-1 with one thing otherwise."""

    def statements(role_arn, name):
        conditions = {
            "StringEquals": {"kms:ViaService": via},
            like: {CONTEXT: arns(name) if arns else one_bucket(name)},
        }
        if like == "StringEquals":
            conditions = {like: {"kms:ViaService": via, CONTEXT: one_bucket(name)}}
        return allowed(principal or {"AWS": role_arn}, *actions, **conditions)

    return statements


def without_conditions(role_arn, bucket):
    return allowed({"AWS": role_arn}, *USES)


def forgets_the_service(role_arn, bucket):
    return allowed({"AWS": role_arn}, *USES, StringLike={CONTEXT: one_bucket(bucket)})


def forgets_the_bucket(role_arn, bucket):
    return allowed({"AWS": role_arn}, *USES, StringEquals={"kms:ViaService": VIA})


def two_statements(role_arn, bucket):
    return forgets_the_service(role_arn, bucket) + forgets_the_bucket(role_arn, bucket)


def names_the_bucket_as_the_resource(role_arn, bucket):
    (statement,) = forgets_the_bucket(role_arn, bucket)
    return [{**statement, "Resource": one_bucket(bucket)}]


def returns_a_whole_policy(role_arn, bucket):
    return {"Version": "2012-10-17", "Statement": answer()(role_arn, bucket)}


def returns_nothing(*arguments):
    return None


# --- 09-2 ---------------------------------------------------------------------------------


def asking(requests, operations=("PutObject", "GetObject")):
    return [request for request in requests if request[1] in operations]


def each_request(requests, bucket_key):
    return len(requests)


def each_use(requests, bucket_key):
    return len(asking(requests))


def always_once_for_each(requests, bucket_key):
    return len(set(asking(requests)))


def once_for_the_bucket(requests, bucket_key):
    return 1 if bucket_key else len(asking(requests))


def once_for_everybody(requests, bucket_key):
    names = [who for who, _ in asking(requests)]
    return len(set(names) if bucket_key else names)


def once_for_each_right(requests, bucket_key):
    operations = [operation for _, operation in asking(requests)]
    return len(set(operations) if bucket_key else operations)


def writes_only(requests, bucket_key):
    writes = asking(requests, ("PutObject",))
    return len(set(writes) if bucket_key else writes)


def heads_too(requests, bucket_key):
    found = asking(requests, ("PutObject", "GetObject", "HeadObject"))
    return len(set(found) if bucket_key else found)


def everything_different(requests, bucket_key):
    return len(set(requests)) if bucket_key else len(asking(requests))


def a_hundredth(requests, bucket_key):
    return len(asking(requests)) / (100 if bucket_key else 1)


def the_requests(requests, bucket_key):
    return set(asking(requests)) if bucket_key else asking(requests)


# --- 09-3 ---------------------------------------------------------------------------------


def denying(*conditions, action="s3:PutObject", ending="/*", effect="Deny"):
    """A bucket policy with one statement for each condition, made of the bucket and the key."""

    def bucket_policy(bucket, key_arn):
        statements = [
            {
                "Effect": effect,
                "Principal": "*",
                "Action": action,
                "Resource": f"arn:aws:s3:::{bucket}{ending}",
                "Condition": condition(key_arn),
            }
            for condition in conditions
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    return bucket_policy


def other_algorithm(key_arn):
    return {"StringNotEquals": {ALGORITHM: "aws:kms"}}


def other_key(key_arn):
    return {"StringNotEquals": {KMS_KEY: key_arn}}


def said_other_algorithm(key_arn):
    return {**other_algorithm(key_arn), "Null": {ALGORITHM: "false"}}


def said_other_key(key_arn):
    return {**other_key(key_arn), "Null": {KMS_KEY: "false"}}


def both_at_once(key_arn):
    both = {ALGORITHM: "aws:kms", KMS_KEY: key_arn}
    return {"StringNotEquals": both, "Null": {ALGORITHM: "false"}}


def unsaid_algorithm(key_arn):
    return {**other_algorithm(key_arn), "Null": {ALGORITHM: "true"}}


def algorithm_if_exists(key_arn):
    return {"StringNotEqualsIfExists": {ALGORITHM: "aws:kms"}}


def key_if_exists(key_arn):
    return {"StringNotEqualsIfExists": {KMS_KEY: key_arn}}


def right_words(key_arn):
    return {"StringEquals": {ALGORITHM: "aws:kms", KMS_KEY: key_arn}}


WRONG = {
    "09-1": [
        ("lets the role use the key anywhere", without_conditions),
        ("forgets that it has to come through S3", forgets_the_service),
        ("forgets the bucket", forgets_the_bucket),
        ("says either instead of both", two_statements),
        ("names the bucket as the resource", names_the_bucket_as_the_resource),
        ("names the service without its Region", answer(via="s3.amazonaws.com")),
        ("forgets Bucket Keys", answer(arns=lambda name: one_bucket(name)[1])),
        ("forgets objects", answer(arns=lambda name: one_bucket(name)[0])),
        ("lets buckets with longer names in", answer(arns=lambda name: one_bucket(name)[0] + "*")),
        ("lets every bucket in", answer(arns=lambda name: "*")),
        ("compares a pattern with StringEquals", answer(like="StringEquals")),
        ("allows writing alone", answer(actions=("kms:GenerateDataKey",))),
        ("allows reading alone", answer(actions=("kms:Decrypt",))),
        ("allows every operation", answer(actions=("kms:*",))),
        ("names everybody", answer(principal={"AWS": "*"})),
        ("names the account", answer(principal={"AWS": "111122223333"})),
        ("returns a whole policy", returns_a_whole_policy),
        ("returns nothing", returns_nothing),
    ],
    "09-2": [
        ("counts every request", each_request),
        ("forgets the Bucket Key", each_use),
        ("takes it for granted", always_once_for_each),
        ("thinks one call does for all", once_for_the_bucket),
        ("counts writing and reading as one", once_for_everybody),
        ("counts operations and not who asks", once_for_each_right),
        ("forgets reading", writes_only),
        ("counts HeadObject", heads_too),
        ("counts whatever is different", everything_different),
        ("believes in 99 percent", a_hundredth),
        ("returns the requests", the_requests),
        ("returns nothing", returns_nothing),
    ],
    "09-3": [
        ("refuses what relies on the default", denying(other_algorithm, other_key)),
        ("believes in IfExists", denying(algorithm_if_exists, key_if_exists)),
        ("looks at the algorithm only", denying(said_other_algorithm)),
        ("looks at the key only", denying(said_other_key)),
        ("wants both to be wrong", denying(both_at_once)),
        ("turns Null around", denying(unsaid_algorithm, said_other_key)),
        ("allows instead of denying", denying(right_words, effect="Allow")),
        (
            "names the bucket instead of its objects",
            denying(said_other_algorithm, said_other_key, ending=""),
        ),
        ("denies reading", denying(other_algorithm, action="s3:*")),
        ("returns nothing", returns_nothing),
    ],
}
