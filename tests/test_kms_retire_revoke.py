"""The end of grants through boto3: who may retire one, who may revoke one, and when it is over."""

import json
from datetime import timedelta

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    allow,
    denied,
    hidden_key,
    members,
    no_identity_policy,
    policy,
    refused,
)

from kmslab import Lab
from kmslab.access.decision import Identities
from kmslab.access.principals import service_principal
from kmslab.access.retirement import NO_EFFECT
from kmslab.services.callers import Caller

pytest_plugins = ["lab_session"]

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER_ROOT = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
OPEN = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit"
ABSENT = "0" * 64


@pytest.fixture
def alice(lab):
    """A user without any policy."""
    return lab.user("alice")


@pytest.fixture
def grant(kms, arn, alice):
    """A function that makes a grant to alice to Encrypt, but for what is said otherwise."""

    def make(client=kms, **changed):
        asked = {"KeyId": arn, "GranteePrincipal": alice.arn, "Operations": ["Encrypt"]}
        return client.create_grant(**asked | changed)

    return make


def encrypt(client, arn, **more):
    client.encrypt(KeyId=arn, Plaintext=b"x", **more)


def listed(kms, arn):
    return kms.list_grants(KeyId=arn)["Grants"]


def by_ids(arn, made):
    return {"KeyId": arn, "GrantId": made["GrantId"]}


def no_right(user, arn):
    return no_identity_policy(user, "kms:RetireGrant", arn)


# --- Retiring: what names the grant -------------------------------------------------------


def test_a_token_names_the_grant_to_retire(kms, arn, grant):
    answer = kms.retire_grant(GrantToken=grant()["GrantToken"])
    assert members(answer) == set()
    assert listed(kms, arn) == []


@pytest.mark.parametrize("form", ["id", "ARN"])
def test_key_and_grant_id_name_the_grant_to_retire(kms, arn, grant, form):
    key = arn if form == "ARN" else arn.rpartition("/")[2]
    kms.retire_grant(KeyId=key, GrantId=grant()["GrantId"])
    assert listed(kms, arn) == []


def test_any_token_of_a_grant_names_it(kms, arn, grant):
    tokens = [grant(Name="once")["GrantToken"] for _ in range(2)]
    kms.retire_grant(GrantToken=tokens[0])
    assert listed(kms, arn) == []


def test_only_the_grant_that_is_named_is_retired(kms, arn, grant):
    kept, gone = grant(), grant()
    kms.retire_grant(GrantToken=gone["GrantToken"])
    assert [each["GrantId"] for each in listed(kms, arn)] == [kept["GrantId"]]


@pytest.mark.parametrize("given", ["KeyId", "GrantId", "both with a token", "nothing"])
def test_a_grant_is_named_in_one_way_and_in_full(kms, arn, grant, given):
    made = grant()
    named = by_ids(arn, made)
    asked = {
        "KeyId": {"KeyId": arn},
        "GrantId": {"GrantId": made["GrantId"]},
        "both with a token": {**named, "GrantToken": made["GrantToken"]},
        "nothing": {},
    }[given]
    with refused("ValidationException", None):
        kms.retire_grant(**asked)
    assert len(listed(kms, arn)) == 1


def test_an_id_that_no_grant_has_is_not_found(kms, arn):
    for call in (kms.retire_grant, kms.revoke_grant):
        with refused("NotFoundException", f"Grant ID {ABSENT} not found"):
            call(KeyId=arn, GrantId=ABSENT)


def test_a_grant_is_not_found_on_another_key(kms, arn, grant):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    grant_id = grant()["GrantId"]
    for call in (kms.retire_grant, kms.revoke_grant):
        with refused("NotFoundException", f"Grant ID {grant_id} not found"):
            call(KeyId=other, GrantId=grant_id)


def test_a_grant_ends_once(kms, arn, grant):
    made = grant()
    kms.revoke_grant(**by_ids(arn, made))
    sentence = f"Grant ID {made['GrantId']} not found"
    for call in (kms.retire_grant, kms.revoke_grant):
        with refused("NotFoundException", sentence):
            call(**by_ids(arn, made))
    with refused("NotFoundException", sentence):
        kms.retire_grant(GrantToken=made["GrantToken"])


def test_a_token_is_of_no_use_in_another_region(lab, kms, arn, grant):
    made = grant()
    far = lab.client("kms", region_name=OTHER_REGION)
    with refused("NotFoundException", f"Grant ID {made['GrantId']} not found"):
        far.retire_grant(GrantToken=made["GrantToken"])
    assert len(listed(kms, arn)) == 1


def test_a_text_that_is_no_token_is_an_invalid_one(kms):
    with refused("InvalidGrantTokenException", None):
        kms.retire_grant(GrantToken="no-token")


# --- Retiring: who may --------------------------------------------------------------------


def test_the_retiring_principal_needs_no_policy(lab, kms, arn, grant):
    bob = lab.user("bob")
    made = grant(RetiringPrincipal=bob.arn)
    lab.client("kms", bob).retire_grant(**by_ids(arn, made))
    decision = lab.last_decision()
    assert (decision.grant.grant_id, decision.decided_by) == (made["GrantId"], ())
    assert decision.grant.operations == ("Encrypt",)
    assert listed(kms, arn) == []


def test_a_role_as_retiring_principal_means_its_sessions(lab, kms, arn, grant):
    role = lab.role("cleaner")
    made = grant(RetiringPrincipal=role.arn)
    silent = lab.client("kms", role.session("tuesday", allow("s3:*")))
    with refused("AccessDeniedException", None):
        silent.retire_grant(**by_ids(arn, made))
    lab.client("kms", role.session("monday")).retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_a_session_as_retiring_principal_means_no_other_session(lab, kms, arn, grant):
    role = lab.role("cleaner")
    made = grant(RetiringPrincipal=f"arn:aws:sts::{ACCOUNT}:assumed-role/cleaner/monday")
    with refused("AccessDeniedException", None):
        lab.client("kms", role.session("tuesday")).retire_grant(**by_ids(arn, made))
    lab.client("kms", role.session("monday")).retire_grant(**by_ids(arn, made))


def test_a_foreign_account_as_retiring_principal_leaves_it_to_its_policies(lab, kms, arn, grant):
    silent = lab.user("silent", account=OTHER_ACCOUNT)
    cleaner = lab.user("cleaner", allow("kms:RetireGrant", resource=arn), account=OTHER_ACCOUNT)
    made = grant(RetiringPrincipal=OTHER_ROOT)
    with no_right(silent, arn):
        lab.client("kms", silent).retire_grant(**by_ids(arn, made))
    lab.client("kms", cleaner).retire_grant(**by_ids(arn, made))
    lab.client("kms", lab.root(OTHER_ACCOUNT)).retire_grant(
        GrantToken=grant(RetiringPrincipal=OTHER_ROOT)["GrantToken"]
    )
    assert listed(kms, arn) == []


def test_a_retiring_principal_of_another_account_needs_no_policy(lab, kms, arn, grant):
    stranger = lab.user("stranger", account=OTHER_ACCOUNT)
    made = grant(RetiringPrincipal=stranger.arn)
    lab.client("kms", stranger).retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_the_retiring_principal_may_do_nothing_else(lab, arn, grant):
    bob = lab.user("bob")
    grant(RetiringPrincipal=bob.arn)
    with no_identity_policy(bob, "kms:Encrypt", arn):
        encrypt(lab.client("kms", bob), arn)


def test_a_grantee_may_retire_its_grant_where_the_grant_says_so(lab, kms, arn, alice, grant):
    hers = lab.client("kms", alice)
    made = grant()
    with no_right(alice, arn):
        hers.retire_grant(**by_ids(arn, made))
    hers.retire_grant(**by_ids(arn, grant(Operations=["RetireGrant"])))
    assert [each["GrantId"] for each in listed(kms, arn)] == [made["GrantId"]]


def test_a_right_to_retire_is_for_its_own_grant_only(lab, arn, alice, grant):
    grant(Operations=["Encrypt", "RetireGrant"])
    with no_right(alice, arn):
        lab.client("kms", alice).retire_grant(**by_ids(arn, grant()))


def test_constraints_do_not_apply_to_retiring(lab, kms, arn, alice, grant):
    limits = {"EncryptionContextEquals": {"a": "b"}, "SourceArn": TRAIL}
    made = grant(Operations=["Encrypt", "RetireGrant"], Constraints=limits)
    lab.client("kms", alice).retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_the_account_of_the_key_may_delegate_retiring(lab, kms, arn, grant):
    made = grant()
    for resource, allowed in [("arn:aws:kms:*:*:key/other", False), (arn, True)]:
        cleaner = lab.user("cleaner", allow("kms:RetireGrant", resource=resource))
        client = lab.client("kms", cleaner)
        if allowed:
            client.retire_grant(**by_ids(arn, made))
        else:
            with no_right(cleaner, arn):
                client.retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_the_root_user_of_the_keys_account_may_retire(lab, kms, arn, grant):
    lab.client("kms", lab.root()).retire_grant(**by_ids(arn, grant()))
    assert listed(kms, arn) == []


def test_no_key_policy_is_needed_for_retiring(lab, kms, arn, grant, put_policy):
    made = grant()
    put_policy(arn, policy({**OPEN, "Action": "kms:ListGrants"}))
    kms.retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_the_account_that_issued_a_grant_may_retire_it(lab, kms, arn, grant, put_policy):
    put_policy(arn, policy(OPEN, {**OPEN, "Principal": {"AWS": OTHER_ROOT}}))
    issuer = lab.user("issuer", allow("kms:CreateGrant"), account=OTHER_ACCOUNT)
    made = grant(lab.client("kms", issuer))
    put_policy(arn, policy(OPEN))
    with no_right(issuer, arn):
        lab.client("kms", issuer).retire_grant(**by_ids(arn, made))
    lab.client("kms", lab.administrator(OTHER_ACCOUNT)).retire_grant(**by_ids(arn, made))
    assert listed(kms, arn) == []


def test_an_allow_in_the_key_policy_has_no_effect(lab, arn, alice, grant, put_policy):
    named = {**OPEN, "Sid": "retire", "Principal": {"AWS": alice.arn}}
    put_policy(arn, policy(OPEN, {**named, "Action": "kms:RetireGrant"}))
    with no_right(alice, arn):
        lab.client("kms", alice).retire_grant(**by_ids(arn, grant()))
    assert f"key policy, retire: {NO_EFFECT}" in str(lab.last_decision())


def test_an_allow_in_the_key_policy_does_not_help_a_foreign_account(lab, arn, grant, put_policy):
    put_policy(arn, policy(OPEN, {**OPEN, "Principal": {"AWS": OTHER_ROOT}}))
    stranger = lab.administrator(OTHER_ACCOUNT)
    with hidden_key(stranger, "kms:RetireGrant"):
        lab.client("kms", stranger).retire_grant(**by_ids(arn, grant()))


@pytest.mark.parametrize("whose", ["retiring principal", "grantee", "account"])
@pytest.mark.parametrize("where", ["key policy", "identity policy"])
def test_a_deny_anywhere_wins(lab, kms, arn, grant, put_policy, whose, where):
    deny = {"Effect": "Deny", "Action": "kms:RetireGrant", "Resource": "*"}
    rights = [{"Effect": "Allow", "Action": "kms:RetireGrant", "Resource": "*"}]
    own = (rights if whose == "account" else []) + ([deny] if where == "identity policy" else [])
    bob = lab.user("bob", policy(*own) if own else None)
    if where == "key policy":
        put_policy(arn, policy(OPEN, {**deny, "Principal": {"AWS": bob.arn}}))
    named = {
        "retiring principal": {"RetiringPrincipal": bob.arn},
        "grantee": {"GranteePrincipal": bob.arn, "Operations": ["RetireGrant"]},
        "account": {},
    }[whose]
    made = grant(**named)
    layer = "a resource-based policy" if where == "key policy" else "an identity-based policy"
    why = f"with an explicit deny in {layer}"
    with denied(bob, "kms:RetireGrant", f"resource: {arn}", why):
        lab.client("kms", bob).retire_grant(**by_ids(arn, made))
    assert len(listed(kms, arn)) == 1


@pytest.mark.parametrize("as_role", [True, False])
def test_a_boundary_cuts_what_a_role_is_named_for_and_not_a_user(lab, kms, arn, grant, as_role):
    boundary = allow("s3:*")
    if as_role:
        role = lab.role("cleaner", boundary=boundary)
        named, caller = role.arn, role.session("monday")
    else:
        caller = lab.user("cleaner", boundary=boundary)
        named = caller.arn
    made = grant(RetiringPrincipal=named)
    client = lab.client("kms", caller)
    if as_role:
        with refused("AccessDeniedException", None):
            client.retire_grant(**by_ids(arn, made))
        return
    client.retire_grant(**by_ids(arn, made))


def test_who_is_not_named_may_not_retire_and_a_token_does_not_help(lab, kms, arn, grant):
    nobody = lab.user("nobody")
    made = grant()
    for asked in (by_ids(arn, made), {"GrantToken": made["GrantToken"]}):
        with no_right(nobody, arn):
            lab.client("kms", nobody).retire_grant(**asked)
    assert len(listed(kms, arn)) == 1


def test_a_stranger_learns_nothing_by_retiring(lab, arn, grant):
    stranger = lab.administrator(OTHER_ACCOUNT)
    client, made = lab.client("kms", stranger), grant()
    absent_key = f"{arn[:-12]}{'0' * 12}"
    tries = [
        by_ids(arn, made),
        {"KeyId": arn, "GrantId": ABSENT},
        {"KeyId": absent_key, "GrantId": ABSENT},
        {"GrantToken": made["GrantToken"]},
    ]
    for asked in tries:
        with hidden_key(stranger, "kms:RetireGrant"):
            client.retire_grant(**asked)
        assert lab.events()[-1]["resources"] == []


def test_a_service_retires_what_names_it(lab, kms, arn, grant):
    made = kms.create_grant(
        KeyId=arn,
        GranteeServicePrincipal="cloudtrail.amazonaws.com",
        RetiringServicePrincipal="cloudtrail.amazonaws.com",
        Operations=["Encrypt"],
        Constraints={"SourceArn": TRAIL},
    )

    def retire(service):
        caller = Caller(service_principal(service, TRAIL, ACCOUNT), Identities())
        lab.endpoint.call("kms", "RetireGrant", by_ids(arn, made), caller, "us-east-1")

    with pytest.raises(Exception, match="not authorized"):
        retire("s3.amazonaws.com")
    retire("cloudtrail.amazonaws.com")
    assert listed(kms, arn) == []


# --- Revoking -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["id", "ARN"])
def test_an_administrator_revokes_a_grant(kms, arn, grant, form):
    key = arn if form == "ARN" else arn.rpartition("/")[2]
    answer = kms.revoke_grant(KeyId=key, GrantId=grant()["GrantId"])
    assert members(answer) == set()
    assert listed(kms, arn) == []


@pytest.mark.parametrize("how", ["retired", "revoked"])
def test_a_grant_that_has_ended_allows_nothing(lab, kms, arn, alice, grant, how):
    made = grant()
    hers = lab.client("kms", alice)
    encrypt(hers, arn)
    end = kms.retire_grant if how == "retired" else kms.revoke_grant
    end(**by_ids(arn, made))
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(hers, arn, GrantTokens=[made["GrantToken"]])


def test_another_grant_goes_on(lab, kms, arn, alice, grant):
    kept, gone = grant(), grant()
    kms.revoke_grant(**by_ids(arn, gone))
    encrypt(lab.client("kms", alice), arn)
    assert lab.last_decision().grant.grant_id == kept["GrantId"]


def test_neither_grantee_nor_retiring_principal_may_revoke(lab, arn, alice, grant):
    bob = lab.user("bob")
    made = grant(Operations=["Encrypt", "RetireGrant"], RetiringPrincipal=bob.arn)
    for user in (alice, bob):
        with no_identity_policy(user, "kms:RevokeGrant", arn):
            lab.client("kms", user).revoke_grant(**by_ids(arn, made))


def test_another_account_may_revoke_where_both_sides_allow_it(lab, kms, arn, grant, put_policy):
    put_policy(arn, policy(OPEN, {**OPEN, "Principal": {"AWS": OTHER_ROOT}}))
    stranger = lab.client("kms", lab.administrator(OTHER_ACCOUNT))
    stranger.revoke_grant(**by_ids(arn, grant()))
    assert listed(kms, arn) == []


def test_retiring_is_no_right_to_revoke_and_revoking_none_to_retire(lab, arn, grant):
    retirer, revoker = (
        lab.user(name, allow(f"kms:{name}Grant", resource=arn)) for name in ("Retire", "Revoke")
    )
    made = grant()
    with no_identity_policy(retirer, "kms:RevokeGrant", arn):
        lab.client("kms", retirer).revoke_grant(**by_ids(arn, made))
    with no_right(revoker, arn):
        lab.client("kms", revoker).retire_grant(**by_ids(arn, made))


# --- Any state of the key, and nothing done -----------------------------------------------


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_grants_can_be_ended_whatever_the_state_of_the_key(kms, arn, grant, state):
    first, second = grant(), grant()
    if state == "Disabled":
        kms.disable_key(KeyId=arn)
    else:
        kms.schedule_key_deletion(KeyId=arn)
    kms.retire_grant(GrantToken=first["GrantToken"])
    kms.revoke_grant(**by_ids(arn, second))
    assert listed(kms, arn) == []


def test_a_dry_run_ends_nothing(lab, kms, arn, alice, grant):
    made = grant()
    for call in (kms.retire_grant, kms.revoke_grant):
        with refused("DryRunOperationException", None):
            call(**by_ids(arn, made), DryRun=True)
    with refused("DryRunOperationException", None):
        kms.retire_grant(GrantToken=made["GrantToken"], DryRun=True)
    assert len(listed(kms, arn)) == 1
    encrypt(lab.client("kms", alice), arn)


def test_a_dry_run_is_refused_what_would_be_refused(lab, kms, arn, alice, grant):
    made, hers = grant(), lab.client("kms", alice)
    with no_right(alice, arn):
        hers.retire_grant(**by_ids(arn, made), DryRun=True)
    with no_identity_policy(alice, "kms:RevokeGrant", arn):
        hers.revoke_grant(**by_ids(arn, made), DryRun=True)
    with refused("NotFoundException", None):
        kms.revoke_grant(KeyId=arn, GrantId=ABSENT, DryRun=True)


# --- Time to spread -----------------------------------------------------------------------

FIVE_MINUTES = timedelta(minutes=5)


class Spreading:
    """A lab where grants take five minutes to spread, a key, and a grant that has spread."""

    def __init__(self, path=None):
        self.lab = Lab(path, grant_propagation=FIVE_MINUTES)
        self.kms = self.lab.client("kms")
        self.arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.alice = self.lab.user("alice")
        self.hers = self.lab.client("kms", self.alice)
        self.made = self.grant()
        self.lab.clock.advance(minutes=5)

    def grant(self, **changed):
        asked = {"GranteePrincipal": self.alice.arn, "Operations": ["Encrypt"], **changed}
        return self.kms.create_grant(KeyId=self.arn, **asked)


@pytest.mark.parametrize("how", ["retired", "revoked"])
def test_a_grant_works_until_its_end_has_spread(how):
    slow = Spreading()
    end = slow.kms.retire_grant if how == "retired" else slow.kms.revoke_grant
    end(**by_ids(slow.arn, slow.made))
    slow.lab.clock.advance(minutes=4)
    encrypt(slow.hers, slow.arn)
    slow.lab.clock.advance(minutes=1)
    with no_identity_policy(slow.alice, "kms:Encrypt", slow.arn):
        encrypt(slow.hers, slow.arn, GrantTokens=[slow.made["GrantToken"]])
    assert len(slow.lab._store.grants) == 0


def test_a_grant_that_is_ending_is_in_no_list_and_cannot_be_ended_again():
    slow = Spreading()
    retired = slow.grant(RetiringPrincipal=ROOT)
    slow.kms.retire_grant(GrantToken=retired["GrantToken"])
    assert [each["GrantId"] for each in listed(slow.kms, slow.arn)] == [slow.made["GrantId"]]
    assert slow.kms.list_retirable_grants(RetiringPrincipal=ROOT)["Grants"] == []
    for asked in (by_ids(slow.arn, retired), {"GrantToken": retired["GrantToken"]}):
        with refused("NotFoundException", None):
            slow.kms.retire_grant(**asked)
    with refused("NotFoundException", None):
        slow.kms.revoke_grant(**by_ids(slow.arn, retired))


def test_a_list_fills_its_pages_around_grants_that_are_ending():
    slow = Spreading()
    made = [slow.made, *(slow.grant() for _ in range(6))]
    made.sort(key=lambda each: each["GrantId"])
    for ended in made[:4]:
        slow.kms.revoke_grant(**by_ids(slow.arn, ended))
    page = slow.kms.list_grants(KeyId=slow.arn, Limit=2)
    assert [each["GrantId"] for each in page["Grants"]] == [m["GrantId"] for m in made[4:6]]
    rest = slow.kms.list_grants(KeyId=slow.arn, Limit=2, Marker=page["NextMarker"])
    assert [each["GrantId"] for each in rest["Grants"]] == [made[6]["GrantId"]]
    assert rest["Truncated"] is False


def test_the_name_of_a_grant_that_is_ending_makes_a_new_one():
    slow = Spreading()
    first = slow.grant(Name="once")
    slow.kms.revoke_grant(**by_ids(slow.arn, first))
    assert slow.grant(Name="once")["GrantId"] != first["GrantId"]


def test_a_grantees_right_to_retire_spreads_too_unless_the_token_is_shown():
    slow = Spreading()
    made = slow.grant(Operations=["RetireGrant"])
    with no_right(slow.alice, slow.arn):
        slow.hers.retire_grant(**by_ids(slow.arn, made))
    slow.hers.retire_grant(GrantToken=made["GrantToken"])


def test_a_retiring_principal_need_not_wait():
    slow = Spreading()
    made = slow.grant(RetiringPrincipal=slow.alice.arn)
    slow.hers.retire_grant(**by_ids(slow.arn, made))


def test_an_end_goes_on_spreading_while_the_lab_is_closed(tmp_path):
    slow = Spreading(tmp_path)
    slow.kms.revoke_grant(**by_ids(slow.arn, slow.made))
    slow.lab.close()
    with Lab(tmp_path, grant_propagation=FIVE_MINUTES) as lab:
        hers = lab.client("kms", lab.user("alice"))
        encrypt(hers, slow.arn)
        lab.clock.advance(minutes=5)
        with no_identity_policy(slow.alice, "kms:Encrypt", slow.arn):
            encrypt(hers, slow.arn)
        assert len(lab._store.grants) == 0


# --- What is told -------------------------------------------------------------------------


def test_the_event_of_a_token_retired_tells_the_grants_id_alone(lab, kms, arn, grant):
    made = grant()
    kms.retire_grant(GrantToken=made["GrantToken"])
    event = lab.events()[-1]
    assert (event["requestParameters"], event["responseElements"]) == (None, None)
    assert event["additionalEventData"] == {"grantId": made["GrantId"]}
    assert [resource["ARN"] for resource in event["resources"]] == [arn]
    assert event["readOnly"] is False
    assert made["GrantToken"] not in json.dumps(lab.events())


def test_a_refused_token_is_not_told_either(lab, grant):
    made = grant()
    with refused("AccessDeniedException", None):
        lab.client("kms", lab.user("nobody")).retire_grant(GrantToken=made["GrantToken"])
    assert made["GrantToken"] not in json.dumps(lab.events())
