"""What somebody sends to make the lab slow or large costs no more than its own length."""

import itertools
import json
import re
import subprocess
import sys

import pytest
from aws_words import ACCOUNT, allow, refused
from iam_words import document
from iam_words import refused as iam_refused

from kmslab.access import policy as policies
from kmslab.access import stored_policies
from kmslab.access.context import RequestContext
from kmslab.access.policy import identity_policy, key_policy
from kmslab.access.variables import template
from kmslab.errors import PolicyError

pytest_plugins = ["lab_session"]

ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
BUCKET = "arn:aws:s3:::reports/"
BOUND = 8192


def done_in_time(program):
    """Run `program` in a process of its own: what goes on forever is stopped."""
    subprocess.run([sys.executable, "-c", program], timeout=20, check=True)


# --- Reading a policy ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["'${' * 400_000", "'${a}' + '${' * 400_000", "'$' * 400_000 + '{'", "'${a}' * 200_000"],
)
def test_the_variables_of_a_text_are_read_in_bounded_time(text):
    done_in_time(
        f"from kmslab.access.variables import template\ntext = {text}\n"
        "from kmslab.access.context import RequestContext\n"
        "assert template(text, True).shown(RequestContext.of({})) == text"
    )


@pytest.mark.parametrize("length", range(7))
def test_every_short_text_has_the_variables_that_its_braces_close(length):
    context = RequestContext.of({"a": "A"})
    for characters in itertools.product("${}*a", repeat=length):
        text = "".join(characters)
        assert filled(text, context) == expected(text), text


def filled(text, context):
    try:
        return template(text, True).fill(context)
    except PolicyError as problem:
        return str(problem)


def expected(text):
    """Patterns and literals in turn, as the rules of IAM say it in one regular expression."""
    pieces = re.split(r"\$\{([^}]*)\}", text)
    for at, inside in enumerate(pieces[1::2]):
        if inside not in ("*", "?", "$") and not re.fullmatch("a+", inside):
            return f"Policy has a variable that cannot be read: ${{{inside}}}."
        pieces[2 * at + 1] = "A" if inside == "a" else inside
    unknown = any(re.fullmatch("aa+", inside) for inside in pieces[1::2])
    return None if unknown else tuple(pieces)


def test_a_policy_with_many_members_is_refused_in_bounded_time():
    done_in_time(
        "import json\n"
        "from kmslab.access.policy import identity_policy\n"
        "from kmslab.errors import PolicyError\n"
        "members = ','.join(f'\"{number}\": 1' for number in range(60_000))\n"
        "try:\n"
        "    identity_policy('{' + members + ', \"59999\": 2}')\n"
        "except PolicyError as problem:\n"
        "    assert problem.place == '59999 stands twice in one object'\n"
        "else:\n"
        "    raise AssertionError"
    )


def test_a_policy_that_is_too_long_is_not_read(lab):
    lab.user("alice")
    lab.role("worker")
    iam = lab.client("iam")
    text = "{" * 20_000
    with iam_refused("LimitExceeded", None, 409):
        iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=text)
    with iam_refused("LimitExceeded", None, 409):
        iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=text)
    with iam_refused("LimitExceeded", None, 409):
        iam.create_policy(PolicyName="p", PolicyDocument=text)


@pytest.mark.parametrize(
    "kept",
    [
        *(policies.identity_policy, policies.key_policy, policies.trust_policy),
        *(stored_policies.stored_key_policy, stored_policies.stored_trust_policy),
    ],
    ids=lambda kept: kept.__name__,
)
def test_few_compiled_policies_are_kept(kept):
    assert kept.cache_parameters()["maxsize"] <= 256


def test_policies_of_a_simulation_are_not_kept(lab):
    iam = lab.client("iam")
    lab.user("alice")
    given = {
        "PolicyInputList": [document("s3:GetObject")],
        "PermissionsBoundaryPolicyInputList": [document("s3:*")],
        "ActionNames": ["s3:GetObject"],
    }
    resource = json.loads(document("s3:*"))
    resource["Statement"][0]["Principal"] = "*"
    iam.simulate_custom_policy(**given)
    before = (identity_policy.cache_info().misses, key_policy.cache_info().misses)
    given["PolicyInputList"] = [document("s3:GetObject", Sid="Another")]
    iam.simulate_custom_policy(**given, CallerArn=ALICE, ResourcePolicy=json.dumps(resource))
    iam.simulate_principal_policy(PolicySourceArn=ALICE, **given)
    iam.get_context_keys_for_custom_policy(PolicyInputList=[document("s3:*", Sid="Third")])
    assert (identity_policy.cache_info().misses, key_policy.cache_info().misses) == before


# --- Asking -------------------------------------------------------------------------------


@pytest.mark.parametrize(("actions", "resources"), [(101, 100), (100, 101), (5001, 2)])
def test_a_simulation_of_more_than_10000_decisions_is_refused(lab, actions, resources):
    message = f"{actions} actions on {resources} resources are more than 10000 decisions."
    with iam_refused("InvalidInput", message):
        simulate(lab, actions, resources)


def test_a_simulation_of_10000_decisions_is_made(lab):
    results = simulate(lab, 100, 100)["EvaluationResults"]
    assert [len(result["ResourceSpecificResults"]) for result in results] == [100] * 100


def simulate(lab, actions, resources):
    return lab.client("iam").simulate_custom_policy(
        PolicyInputList=[document("s3:*")],
        ActionNames=[f"s3:A{number}" for number in range(actions)],
        ResourceArns=[f"{BUCKET}{number}" for number in range(resources)],
    )


def too_long(member):
    return refused("ValidationException", f"{member} is longer than {BOUND} bytes.")


def context_of(size):
    """An encryption context whose names and values have `size` bytes of UTF-8 together."""
    return {"鍵": "x", "a": "x" * (size - 5)}


def test_an_encryption_context_of_the_bound_is_taken(kms, arn):
    pairs = {"EncryptionContext": context_of(BOUND)}
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x", **pairs)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, **pairs)["Plaintext"] == b"x"
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        DestinationKeyId=arn,
        SourceEncryptionContext=context_of(BOUND),
        DestinationEncryptionContext=context_of(BOUND),
    )["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved, **pairs)["Plaintext"] == b"x"
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256", **pairs)


def test_a_longer_encryption_context_is_refused(kms, arn):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    pairs, moved = context_of(BOUND + 1), {"CiphertextBlob": blob, "DestinationKeyId": arn}
    data_key = {"KeyId": arn, "KeySpec": "AES_256", "EncryptionContext": pairs}
    with too_long("EncryptionContext"):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext=pairs)
    with too_long("EncryptionContext"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=pairs)
    with too_long("EncryptionContext"):
        kms.decrypt(CiphertextBlob=blob, KeyId=arn, EncryptionContext=pairs)
    with too_long("EncryptionContext"):
        kms.generate_data_key(**data_key)
    with too_long("EncryptionContext"):
        kms.generate_data_key_without_plaintext(**data_key)
    with too_long("SourceEncryptionContext"):
        kms.re_encrypt(**moved, SourceEncryptionContext=pairs)
    with too_long("DestinationEncryptionContext"):
        kms.re_encrypt(**moved, DestinationEncryptionContext=pairs)


def test_names_count_too(kms, arn):
    with too_long("EncryptionContext"):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"x" * BOUND: "y"})


def test_an_encryption_context_that_is_too_long_is_refused_before_anything_is_decided(lab, arn):
    """Whoever may do nothing could have it compared all the same."""
    theirs = lab.client("kms", lab.user("alice", allow("s3:*")))
    with too_long("EncryptionContext"):
        theirs.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext=context_of(BOUND + 1))


# --- Grants -------------------------------------------------------------------------------


def test_a_grant_of_a_name_that_many_have_is_looked_for_in_bounded_time():
    """Under the lock, where everybody else waits."""
    done_in_time(
        "from kmslab import Lab\n"
        "from kmslab.store.records import Grant\n"
        "from kmslab.store.store import Changes\n"
        "lab = Lab()\n"
        "kms, alice = lab.client('kms'), lab.user('alice')\n"
        "key = kms.create_key()['KeyMetadata']\n"
        "many = [\n"
        "    Grant(alice.account, 'us-east-1', key['KeyId'], f'{number:064x}', alice.arn,\n"
        "        ('Encrypt',), 0.0, 0.0, alice.account, grant_name='once',\n"
        "        subset=(('a', str(number)),))\n"
        "    for number in range(20_000)\n"
        "]\n"
        "lab._store.commit(Changes(put=many), ())\n"
        "asked = {'KeyId': key['KeyId'], 'GranteePrincipal': alice.arn, 'Name': 'once'}\n"
        "for number in range(60):\n"
        "    kms.create_grant(**asked, Operations=['Decrypt'])\n"
        "asked['Constraints'] = {'EncryptionContextSubset': {'a': '19999'}}\n"
        "found = kms.create_grant(**asked, Operations=['Encrypt'])\n"
        "assert found['GrantId'] == many[-1].grant_id"
    )
