"""Typical wrong answers to the exercises of notebook 04, each with the mistake it makes."""

ACCOUNT = "arn:aws:iam::111122223333"
CONDITION_KEY = "kms:EncryptionContext:department"


def statement(who, action, effect="Allow", **more):
    principal = {"AWS": [f"{ACCOUNT}:{name}" for name in who.split()]}
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*", **more}


def policy_of(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


ADMINISTRATOR = statement("user/administrator", ["kms:PutKeyPolicy", "kms:GetKeyPolicy"])
ALICE = statement("user/alice", ["kms:Encrypt", "kms:Decrypt"])
BOB = statement("user/bob", "kms:Encrypt")
AUDITOR = statement("role/auditor", "kms:DescribeKey")


# --- 04-1 ---------------------------------------------------------------------------------


def changes_nothing(policy):
    return policy


def forgets_to_return(policy):
    policy["Statement"].pop()


def keeps_the_delegation(policy):
    return policy_of(policy["Statement"][0], ALICE, BOB, AUDITOR)


def takes_only_the_delegation_away(policy):
    return policy_of(ADMINISTRATOR, *policy["Statement"][1:])


def locks_everybody_out(policy):
    return policy_of(ALICE, BOB, AUDITOR)


def keeps_the_dead_condition(policy):
    condition = policy["Statement"][2]["Condition"]
    return policy_of(ADMINISTRATOR, ALICE, BOB, {**AUDITOR, "Condition": condition})


def lets_the_auditor_decrypt(policy):
    decrypt = {**policy["Statement"][2], "Action": "kms:Decrypt"}
    return policy_of(ADMINISTRATOR, ALICE, BOB, AUDITOR, decrypt)


def gives_the_administrator_everything(policy):
    return policy_of(statement("user/administrator", "kms:*"), ALICE, BOB, AUDITOR)


def gives_alice_everything(policy):
    return policy_of(ADMINISTRATOR, statement("user/alice", "kms:*"), BOB, AUDITOR)


def denies_bob_and_with_him_everybody(policy):
    deny = statement("root", "kms:Decrypt", "Deny")
    return policy_of(*policy["Statement"], AUDITOR, deny)


def names_the_session_as_a_user(policy):
    return policy_of(ADMINISTRATOR, ALICE, BOB, statement("user/auditor", "kms:DescribeKey"))


def returns_one_statement(policy):
    return [ADMINISTRATOR, ALICE, BOB, AUDITOR]


# --- 04-2 ---------------------------------------------------------------------------------


def role_statement(role_arn, action, **more):
    principal = {"AWS": role_arn}
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*", **more}


def only_if(operator, *values):
    return {operator: {CONDITION_KEY: list(values)}}


def described(role_arn):
    return role_statement(role_arn, "kms:DescribeKey")


def one_statement_for_both(role_arn, department):
    actions = ["kms:Decrypt", "kms:DescribeKey"]
    return [role_statement(role_arn, actions, Condition=only_if("StringEquals", department))]


def without_a_condition(role_arn, department):
    return [role_statement(role_arn, ["kms:Decrypt", "kms:DescribeKey"])]


def if_exists(role_arn, department):
    condition = only_if("StringEqualsIfExists", department)
    return [role_statement(role_arn, ["kms:Decrypt", "kms:DescribeKey"], Condition=condition)]


def not_the_others(role_arn, department):
    other = {"payroll": "sales", "sales": "payroll"}[department]
    condition = only_if("StringNotEquals", other)
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def begins_with(role_arn, department):
    condition = only_if("StringLike", f"{department}*")
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def in_any_case(role_arn, department):
    condition = only_if("StringEqualsIgnoreCase", department)
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def asks_for_the_name_only(role_arn, department):
    condition = {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "department"}}
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def both_departments(role_arn, department):
    condition = only_if("StringEquals", "payroll", "sales")
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def everybody(role_arn, department):
    condition = only_if("StringEquals", department)
    return [role_statement("*", "kms:Decrypt", Condition=condition), described(role_arn)]


def every_operation(role_arn, department):
    condition = only_if("StringEquals", department)
    return [role_statement(role_arn, "kms:*", Condition=condition), described(role_arn)]


def forgets_to_describe(role_arn, department):
    condition = only_if("StringEquals", department)
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition)]


def forgets_the_name_of_the_pair(role_arn, department):
    condition = {"StringEquals": {"kms:EncryptionContext": department}}
    return [role_statement(role_arn, "kms:Decrypt", Condition=condition), described(role_arn)]


def not_a_list(role_arn, department):
    return described(role_arn)


# --- 04-3 ---------------------------------------------------------------------------------


def key_half(user_arn, action="kms:Decrypt"):
    return role_statement(user_arn, action)


def key_half_for_the_account(user_arn):
    return role_statement(user_arn.split(":")[4], "kms:Decrypt")


def key_half_for_everybody(user_arn):
    return role_statement("*", "kms:Decrypt")


def key_half_with_everything(user_arn):
    return key_half(user_arn, "kms:*")


def key_half_of_another_account(user_arn):
    return role_statement(f"{ACCOUNT}:user/carol", "kms:Decrypt")


def identity_half(key_arn, action="kms:Decrypt"):
    return policy_of({"Effect": "Allow", "Action": action, "Resource": key_arn})


def identity_half_with_the_key_id(key_arn):
    return identity_half(key_arn.partition("/")[2])


def identity_half_for_every_key(key_arn):
    return identity_half("*")


def identity_half_with_everything(key_arn):
    return identity_half(key_arn, "kms:*")


def identity_half_with_a_principal(key_arn):
    allowing = role_statement(f"{ACCOUNT}:user/carol", "kms:Decrypt", Resource=key_arn)
    return policy_of(allowing)


def identity_half_as_a_statement(key_arn):
    return {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn}


def no_identity_half(key_arn):
    return policy_of({"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"})


WRONG = {
    "04-1": [
        ("changes nothing", changes_nothing),
        ("forgets to return the policy", forgets_to_return),
        ("keeps the delegation", keeps_the_delegation),
        ("takes only the delegation away", takes_only_the_delegation_away),
        ("locks everybody out", locks_everybody_out),
        ("keeps the dead condition", keeps_the_dead_condition),
        ("lets the auditor decrypt", lets_the_auditor_decrypt),
        ("gives the administrator everything", gives_the_administrator_everything),
        ("gives alice everything", gives_alice_everything),
        ("denies more than it should", denies_bob_and_with_him_everybody),
        ("takes a role for a user", names_the_session_as_a_user),
        ("returns a list of statements", returns_one_statement),
    ],
    "04-2": [
        ("asks for a context where none is sent", one_statement_for_both),
        ("sets no condition", without_a_condition),
        ("lets an absent context pass", if_exists),
        ("forbids the others", not_the_others),
        ("takes what begins alike", begins_with),
        ("does not look at case", in_any_case),
        ("asks for the name only", asks_for_the_name_only),
        ("allows both departments", both_departments),
        ("allows everybody", everybody),
        ("allows every operation", every_operation),
        ("forgets to describe", forgets_to_describe),
        ("forgets the name of the pair", forgets_the_name_of_the_pair),
        ("returns no list", not_a_list),
    ],
    "04-3": [
        ("names the account", key_half_for_the_account, identity_half),
        ("names everybody", key_half_for_everybody, identity_half),
        ("allows everything", key_half_with_everything, identity_half_with_everything),
        ("names a carol at home", key_half_of_another_account, identity_half),
        ("gives the key id", key_half, identity_half_with_the_key_id),
        ("allows every key", key_half, identity_half_for_every_key),
        ("puts a principal into an identity policy", key_half, identity_half_with_a_principal),
        ("returns a bare statement", key_half, identity_half_as_a_statement),
        ("leaves the identity half out", key_half, no_identity_half),
    ],
}
