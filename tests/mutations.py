"""Deliberate breaks of the evaluation rules, and a runner that sees whether a test notices each.

    python -m tests.mutations [text ...]      all breaks, or those with such a text in them

A break that no test notices is a rule that no test holds. The runner copies the project, breaks
the copy, asks the authorization cases there, and where they notice nothing runs the fast tests of
the rules. It knows nothing of what the rules mean.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
ACCESS = "kmslab/access"
TESTS = (
    "tests/test_authorization_cases.py",
    "tests/test_access.py",
    "tests/test_access_bucket_policies.py",
    "tests/test_access_conditions.py",
    "tests/test_access_wildcards.py",
    "tests/test_authorization_properties.py",
)
# What needs a lab takes long, and asks nothing more of the rules.
_WITH_LAB = f"{TESTS[0]}::test_a_call_through_boto3_ends_as_aws_documents_it"
_AT_A_TIME = 2
_LONGEST = 600


class Break(NamedTuple):
    """`text` stands once in `file` under kmslab/access; `instead` takes its place."""

    file: str
    text: str
    instead: str
    what: str


BREAKS = (
    # --- Which layer wins
    Break(
        "decision.py",
        "layers = (owner, identity, *limits)",
        "layers = (owner, *limits, *limits)",
        "a deny in an identity policy is not seen",
    ),
    Break(
        "decision.py",
        "for layer in layers:\n",
        "for layer in layers[:2]:\n",
        "a deny in a boundary or session policy is not seen",
    ),
    Break(
        "decision.py",
        "for layer in layers:\n",
        "for layer in layers[1:]:\n",
        "a deny in the key policy is not seen",
    ),
    Break(
        "decision.py",
        "        if layer.denied_by:\n",
        "        if layer.denied_by and not layer.allowed_by:\n",
        "an allow beats a deny of its own layer",
    ),
    Break(
        "decision.py",
        "elif strength > self.strength:",
        "elif not self.allowed_by:",
        "the first statement that allows counts, and not the strongest",
    ),
    Break(
        "decision.py",
        "elif strength > self.strength:",
        "elif strength:",
        "the last statement that allows counts, and not the strongest",
    ),
    Break("decision.py", "(SESSION, identities.session)", "(SESSION, None)", "no session policies"),
    Break("decision.py", "(BOUNDARY, identities.boundary)", "(BOUNDARY, None)", "no boundaries"),
    Break(
        "decision.py",
        "needed = [identity, *limits] if",
        "needed = [identity] if",
        "what limits a principal does not limit its identity policies",
    ),
    Break(
        "decision.py",
        "needed = [identity, *limits] if",
        "needed = limits if",
        "an account that is named needs no identity policy",
    ),
    Break(
        "decision.py",
        "if strength == BY_ACCOUNT else limits",
        "if strength == BY_ACCOUNT else []",
        "a role that is named is not limited",
    ),
    Break(
        "decision.py",
        "if strength == BY_ACCOUNT else limits",
        "if strength == BY_ACCOUNT else [identity, *limits]",
        "a role that is named needs an identity policy",
    ),
    Break(
        "decision.py",
        "    if strength == ITSELF:\n        needed = []\n",
        "",
        "a user or session that is named is limited",
    ),
    Break(
        "decision.py",
        "for layer in needed:",
        "for layer in needed[:1]:",
        "of all that has to allow only the first is asked",
    ),
    Break(
        "decision.py",
        "        return [], owner.name\n",
        '        return [], ""\n',
        "nobody has to allow",
    ),
    Break(
        "decision.py",
        "        return BY_ACCOUNT\n",
        "        return ITSELF\n",
        "what belongs to no key needs no identity policy",
    ),
    # --- Other accounts
    Break(
        "decision.py",
        "return min(strength, BY_ACCOUNT) if _works",
        "return strength if _works",
        "a foreign principal that is named needs no identity policy",
    ),
    Break(
        "decision.py",
        "return action in _CROSS_ACCOUNT_ACTIONS or",
        "return True or",
        "every operation works across accounts",
    ),
    Break(
        "decision.py",
        "return action in _CROSS_ACCOUNT_ACTIONS or",
        "return",
        "no operation on keys works across accounts",
    ),
    Break(
        "decision.py",
        '*("ListGrants", "RetireGrant", "RevokeGrant"),',
        '*("RetireGrant", "RevokeGrant"),',
        "ListGrants does not work across accounts",
    ),
    Break(
        "decision.py",
        '"DescribeKey", "GetKeyRotationStatus", "GetPublicKey"),',
        '"DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "GetPublicKey"),',
        "GetKeyPolicy works across accounts",
    ),
    Break(
        "decision.py",
        "return principal.is_service or (principal",
        "return (principal",
        "a service belongs to another account",
    ),
    Break(
        "decision.py",
        "resource_allows=strength > NOT_NAMED,",
        "resource_allows=True,",
        "a stranger learns that a key is there",
    ),
    # --- Buckets
    Break(
        "decision.py",
        "if owner_side.leaves_it_to_account and not",
        "if not",
        "a key is left to its account",
    ),
    Break(
        "decision.py",
        "if owner_side.leaves_it_to_account and not",
        "if False and not",
        "a bucket is not left to its account",
    ),
    Break(
        "decision.py",
        "return max(strength, BY_ACCOUNT)",
        "return BY_ACCOUNT",
        "a bucket policy that names the caller is not enough",
    ),
    Break(
        "decision.py",
        "leaves_it_to_account and not _is_of_no_account(question):",
        "leaves_it_to_account:",
        "a bucket leaves services to its account",
    ),
    Break(
        "decision.py",
        'or (principal.is_anonymous and question.action.startswith("s3:"))',
        "or False",
        "everyone does not mean whoever is anonymous",
    ),
    Break(
        "decision.py",
        '(principal.is_anonymous and question.action.startswith("s3:"))',
        "principal.is_anonymous",
        "a key lets in whoever is anonymous",
    ),
    Break(
        "decision.py",
        'in _CROSS_ACCOUNT_ACTIONS or action.startswith("s3:")',
        "in _CROSS_ACCOUNT_ACTIONS",
        "no operation on buckets works across accounts",
    ),
    Break(
        "principal_element.py",
        "bool(own) and own",
        "own",
        "NotPrincipal with Deny spares who has no name",
    ),
    Break(
        "principals.py",
        '        "aws:principalaccount": "anonymous",\n',
        "",
        "whoever is anonymous has no aws:PrincipalAccount",
    ),
    Break(
        "bucket_policy_rules.py",
        'resource.startswith(f"{bucket}/")',
        "resource.startswith(bucket)",
        "a bucket policy may be about a bucket with a longer name",
    ),
    Break(
        "bucket_policy_rules.py",
        "for resource in (*resources, *not_resources)",
        "for resource in resources",
        "NotResource of a bucket policy may be anywhere",
    ),
    Break(
        "bucket_policy_rules.py",
        "for action in (*actions, *not_actions)",
        "for action in actions",
        "NotAction of a bucket policy may be of any service",
    ),
    Break(
        "bucket_policy_rules.py",
        "on_objects and False in kinds",
        "on_objects",
        "reading objects may be about the bucket",
    ),
    Break(
        "bucket_policy_rules.py",
        "on_bucket and True in kinds",
        "on_bucket",
        "listing a bucket may be about objects",
    ),
    # --- Grants
    Break(
        "decision.py",
        "needed, missing = _needed(granted, owner, identity, limits)",
        "needed, missing = [], ''",
        "a grant to an account or a role needs nothing beside it",
    ),
    Break(
        "decision.py",
        "if missing and owner_side and owner_side.grants and",
        "if False and owner_side and owner_side.grants and",
        "grants allow nothing",
    ),
    Break("grants.py", "grant.ends_at <= self.now", "grant.ends_at < self.now", "ends late"),
    Break(
        "grants.py",
        "if grant.ends_at is not None and",
        "if grant.removed_at is not None or grant.ends_at is not None and",
        "the end of a grant spreads at once",
    ),
    Break(
        "grants.py",
        "grant.effective_from > self.now and grant.grant_id",
        "grant.grant_id",
        "a grant always wants its token",
    ),
    Break(
        "grants.py",
        " and grant.grant_id not in self.shown",
        "",
        "a token bridges nothing",
    ),
    Break(
        "grants.py",
        "if grant.effective_from > self.now and",
        "if False and",
        "a grant works before it has spread",
    ),
    Break(
        "grants.py",
        "if operation not in grant.operations:",
        "if False:",
        "a grant allows every operation",
    ),
    Break(
        "grants.py",
        "if grant.source_arn and question",
        "if False and question",
        "the SourceArn constraint is not read",
    ),
    Break(
        "grants.py",
        'if operation == "CreateGrant":',
        'if operation == "Nothing":',
        "a grantee may pass on anything",
    ),
    Break(
        "grants.py",
        'frozenset({"DescribeKey", "RetireGrant"})',
        'frozenset({"RetireGrant"})',
        "constraints apply to DescribeKey",
    ),
    Break(
        "grants.py",
        'frozenset({"DescribeKey", "RetireGrant"})',
        'frozenset({"DescribeKey"})',
        "constraints apply to RetireGrant",
    ),
    Break(
        "grants.py",
        "len(equals) == len(pairs) and _holds_all(pairs, equals)",
        "_holds_all(pairs, equals)",
        "EncryptionContextEquals takes more pairs",
    ),
    Break(
        "grants.py",
        "if subset is not None and not _holds_all(pairs, subset):",
        "if subset is not None and dict(subset) != dict(pairs):",
        "EncryptionContextSubset takes no more pairs",
    ),
    Break(
        "grants.py",
        "return set(wanted) <= pairs.items()",
        "return {name for name, _ in wanted} <= pairs.keys()",
        "EncryptionContextSubset does not look at values",
    ),
    Break(
        "grants.py",
        "if not set(child.operations) <= set(parent.operations):",
        "if False:",
        "a child grant may have more operations",
    ),
    Break(
        "grants.py",
        "if parent.source_arn and child.source_arn != parent.source_arn:",
        "if False:",
        "a child grant may drop SourceArn",
    ),
    Break(
        "grants.py",
        "child.equals != parent.equals",
        "child.equals is None",
        "a child grant may have another equality",
    ),
    Break(
        "grants.py",
        "any(set(subset) <= set(pairs) for",
        "any(set(subset) >= set(pairs) for",
        "a child grant may lose pairs",
    ),
    Break(
        "grants.py",
        "for pairs in (child.equals, child.subset) if",
        "for pairs in (child.subset,) if",
        "a subset may not become an equality",
    ),
    Break(
        "retirement.py",
        "accounts = (grant.account, grant.issuing_account)",
        "accounts = ()",
        "no account may retire a grant",
    ),
    Break(
        "retirement.py",
        "accounts = (grant.account, grant.issuing_account)",
        "accounts = (grant.account,)",
        "the account that issued a grant may not retire it",
    ),
    Break(
        "retirement.py",
        "return (grant.retiring_principal, *map(account_root_arn, accounts))",
        "return tuple(map(account_root_arn, accounts))",
        "the retiring principal may not retire",
    ),
    Break(
        "retirement.py",
        "deny_only = PolicyInForce(key_policy.policy_name, Policy(denies))",
        "deny_only = key_policy",
        "an allow of RetireGrant in a key policy counts",
    ),
    Break(
        "retirement.py",
        "Policy(denies))\n",
        "Policy(()))\n",
        "a deny of RetireGrant in a key policy does not count",
    ),
    # --- Who is meant
    Break(
        "principal_element.py",
        "best = max(best, known[name])",
        "best = best or known[name]",
        "of many names any one counts, and not the strongest",
    ),
    Break(
        "principal_element.py",
        "        if self.inverted:\n",
        "        if self.inverted and allows:\n",
        "NotPrincipal with Deny is read as Principal",
    ),
    Break(
        "principal_element.py",
        "own <= self.names if not allows else bool(own & self.names)",
        "bool(own & self.names)",
        "NotPrincipal with Deny spares who is listed in any way",
    ),
    Break(
        "principal_element.py",
        "own <= self.names if not allows else bool(own & self.names)",
        "own <= self.names",
        "NotPrincipal with Allow allows who is listed",
    ),
    Break(
        "principal_element.py",
        "principal.names.keys() - {EVERYONE}",
        "principal.names.keys()",
        "NotPrincipal with Deny spares nobody",
    ),
    Break(
        "principal_element.py",
        "NOT_NAMED if spared else principal.names[EVERYONE]",
        "NOT_NAMED if spared else max(principal.names.values())",
        "NotPrincipal names a session itself",
    ),
    Break(
        "principal_element.py",
        "            return arns.account_root_arn(name)\n",
        "            return name\n",
        "the number of an account is nobody's name",
    ),
    Break(
        "principals.py",
        "arns.account_root_arn(user.account): BY_ACCOUNT,",
        "arns.account_root_arn(user.account): ITSELF,",
        "who names an account names its users",
    ),
    Break(
        "principals.py",
        "arns.account_root_arn(role.account): BY_ACCOUNT,",
        "arns.account_root_arn(role.account): AS_ROLE,",
        "who names an account names its roles",
    ),
    Break("principals.py", "role.arn: AS_ROLE,", "role.arn: ITSELF,", "roles are not limited"),
    Break(
        "principals.py",
        "        arn: ITSELF,\n",
        "        arn: AS_ROLE,\n",
        "a session that is named is limited like its role",
    ),
    Break(
        "principals.py",
        "EVERYONE: AS_ROLE,",
        "EVERYONE: ITSELF,",
        "the star names a session as strongly as its own ARN",
    ),
    Break(
        "principals.py",
        '**_facts(role.arn, role.account, "AssumedRole", user_id),',
        '**_facts(arn, role.account, "AssumedRole", user_id),',
        "aws:PrincipalArn of a session is the session",
    ),
    Break(
        "principals.py",
        '"aws:principalisawsservice": "true",',
        '"aws:principalisawsservice": "false",',
        "a service is none",
    ),
    Break(
        "principals.py",
        'facts["aws:sourcearn"] = source_arn',
        'facts["aws:sourcearn"] = source_account',
        "aws:SourceArn has another value",
    ),
    Break(
        "principals.py",
        'facts["aws:sourceaccount"] = source_account',
        "pass",
        "aws:SourceAccount is absent",
    ),
    Break(
        "principals.py",
        "_tag_facts((*role.tags, *session.tags))",
        "_tag_facts(session.tags)",
        "the tags of a role are not its sessions'",
    ),
    Break(
        "principals.py",
        "tuple(sorted(own, key=_strongest_first))",
        "tuple(sorted(own, key=_strongest_first))[::-1]",
        "the weakest grant is asked first",
    ),
    # --- Statements
    Break(
        "policy.py",
        "return bool(self.not_actions) and not any(",
        "return not any(",
        "a statement without an Action is about every action",
    ),
    Break(
        "policy.py",
        "and not any(matches(action) for",
        "and not all(matches(action) for",
        "NotAction leaves out only what all of its patterns name",
    ),
    Break(
        "policy.py",
        "        if not self.not_resources:\n            return False\n",
        "",
        "a statement without a Resource is about every resource",
    ),
    Break(
        "policy.py",
        "return not any(each.matches(resource, context) for",
        "return not all(each.matches(resource, context) for",
        "NotResource leaves out only what all of its patterns name",
    ),
    Break(
        "policy.py",
        "if self.allows and not all(each.resolves(context)",
        "if False and not all(each.resolves(context)",
        "NotResource with a variable without a value allows",
    ),
    Break(
        "policy.py",
        "if not is_everywhere and not self._covers_resource(question):",
        "if False:",
        "every statement is about every resource",
    ),
    Break(
        "policy.py",
        "return any(pattern.is_any for",
        "return all(pattern.is_any for",
        "a statement without a Resource is everywhere",
    ),
    Break(
        "policy.py",
        "(answer is None and self.allows)",
        "(answer is None and not self.allows)",
        "what cannot be told allows, and does not deny",
    ),
    Break(
        "policy.py",
        "for test in self.conditions:",
        "for test in self.conditions[:1]:",
        "one condition is enough",
    ),
    Break(
        "policy.py",
        "self._split(action.lower(), principal)",
        "self._split(action, principal)",
        "the case of the action that is asked matters",
    ),
    Break(
        "policy.py",
        "asked = action, principal.grantees",
        "asked = action, ()",
        "what was found for one caller is told to another",
    ),
    Break(
        "policy.py",
        "asked = action, principal.grantees",
        'asked = "", principal.grantees',
        "what was found for one action is told for another",
    ),
    Break(
        "policy.py",
        'ignored=frozenset({"kms:resourcealiases"})',
        "ignored=frozenset()",
        "kms:ResourceAliases works in key policies",
    ),
    Break(
        "policy.py",
        "kind, version == WITH_VARIABLES)",
        "kind, True)",
        "old policies have variables",
    ),
    Break(
        "policy.py",
        'document.get("Version", WITHOUT_VARIABLES)',
        'document.get("Version", WITH_VARIABLES)',
        "policies without a Version have variables",
    ),
    Break(
        "policy.py",
        "return wildcard(text, ignore_case=True)",
        "return wildcard(text)",
        "the case of an Action matters",
    ),
    Break(
        "policy.py",
        "if single and test.operator",
        "if False and test.operator",
        "ForAllValues may stand with a key of one value",
    ),
    Break(
        "policy_document.py",
        "if len(dict(members)) < len(members):",
        "if False:",
        "the last of two Effects counts",
    ),
    # --- Conditions
    Break(
        "conditions.py",
        "False: True, None: None}",
        "False: True, None: True}",
        "the opposite of what cannot be told is true",
    ),
    Break(
        "conditions.py",
        "absent=negated or if_exists)",
        "absent=if_exists)",
        "a negated operator fails on an absent key",
    ),
    Break(
        "conditions.py",
        "absent=negated or if_exists)",
        "absent=negated)",
        "IfExists is not read",
    ),
    Break(
        "conditions.py",
        "absent=negated or if_exists)",
        "absent=True)",
        "an absent key fits everything",
    ),
    Break(
        "conditions.py",
        "absent=every or if_exists)",
        "absent=if_exists)",
        "ForAllValues fails on an absent key",
    ),
    Break(
        "conditions.py",
        "absent=every or if_exists)",
        "absent=True)",
        "ForAnyValue holds on an absent key",
    ),
    Break(
        "conditions.py",
        'every = set_operator == "ForAllValues"',
        'every = set_operator != "ForAllValues"',
        "ForAllValues and ForAnyValue change places",
    ),
    Break(
        "conditions.py",
        '("true" if _absent(context.get(lookup)) else "false") in',
        '("false" if _absent(context.get(lookup)) else "true") in',
        "Null asks the opposite",
    ),
    Break(
        "conditions.py",
        "_NOWHERE if folded(name) in ignored else folded(name)",
        "folded(name)",
        "no condition key is ever ignored",
    ),
    Break(
        "conditions.py",
        "_NOWHERE if folded(name) in ignored else folded(name)",
        "_NOWHERE if folded(name) in ignored else name",
        "the case of a condition key's name matters",
    ),
    Break(
        "conditions.py",
        "None if negated else False)",
        "False)",
        "a negated comparison with a variable without a value holds",
    ),
    Break(
        "conditions.py",
        "return None if given else absent",
        "return True if given else absent",
        "an operator of one value takes many",
    ),
    Break(
        "conditions.py",
        'if "${" in name:',
        "if False:",
        "a condition key may have a variable",
    ),
    Break(
        "conditions.py",
        "if base not in OPERATORS and operator",
        "if False and operator",
        "an unknown operator is read",
    ),
    # --- Operators and what they read
    Break(
        "operators.py", "_beyond(operator.lt, max)", "_beyond(operator.le, max)", "less or equal"
    ),
    Break("operators.py", "_beyond(operator.le, max)", "_beyond(operator.lt, max)", "only less"),
    Break("operators.py", "_beyond(operator.gt, min)", "_beyond(operator.ge, min)", "or equal"),
    Break("operators.py", "_beyond(operator.ge, min)", "_beyond(operator.gt, min)", "only greater"),
    Break(
        "operators.py",
        "_beyond(operator.lt, max)",
        "_beyond(operator.lt, min)",
        "less than all of many values",
    ),
    Break(
        "operators.py",
        "_texts(_fits_one(arn_matching), readings.arn)",
        "_texts(_fits_one(matching), readings.arn)",
        "a star crosses the parts of an ARN",
    ),
    Break(
        "operators.py",
        "_texts(_equals_lower, str.lower)",
        "_texts(_equals_lower)",
        "StringEqualsIgnoreCase looks at the request's case",
    ),
    Break(
        "operators.py",
        '**_both("StringLike", "StringNotLike", _LIKE, True)',
        '**_both("StringLike", "StringNotLike", _EQUALS, True)',
        "StringLike has no wildcards",
    ),
    Break(
        "operators.py",
        '**_both("StringEquals", "StringNotEquals", _EQUALS, True)',
        '**_both("StringEquals", "StringNotEquals", _LIKE, True)',
        "StringEquals has wildcards",
    ),
    Break(
        "operators.py",
        '**_both("ArnEquals", "ArnNotEquals", _ARN_LIKE, True)',
        '**_both("ArnEquals", "ArnNotEquals", _EQUALS, True)',
        "ArnEquals has no wildcards",
    ),
    Break(
        "operators.py",
        "name: Operator(compile_values, False, takes_variables),",
        "name: Operator(compile_values, False, False),",
        "operators take no variables",
    ),
    Break(
        "operators.py",
        "negated_name: Operator(compile_values, True,",
        "negated_name: Operator(compile_values, False,",
        "negated operators are not negated",
    ),
    Break(
        "operators.py",
        "return unresolved if None in filled else False",
        "return False",
        "a variable without a value is an ordinary text",
    ),
    Break(
        "operators.py",
        '_both("IpAddress", "NotIpAddress", _IN_NETWORKS)',
        '_both("NotIpAddress", "IpAddress", _IN_NETWORKS)',
        "IpAddress and NotIpAddress change places",
    ),
    Break(
        "operators.py",
        "if of_version == version",
        "if True",
        "addresses of version 4 and 6 are compared",
    ),
    Break("readings.py", "    lower = text.lower()\n", "    lower = text\n", "True is no Bool"),
    Break(
        "readings.py",
        "if _EPOCH_SECONDS.fullmatch(text):",
        "if False:",
        "seconds since 1970 are no date",
    ),
    # --- Wildcards and variables
    Break(
        "wildcards.py",
        "if len(text) < shortest or not text",
        "if not text",
        "both ends of a pattern may share letters",
    ),
    Break(
        "wildcards.py",
        "if position > end or (not rest and position < end):",
        "if position > end:",
        "a pattern with question marks fits the beginning of a text",
    ),
    Break(
        "wildcards.py",
        "position = found + len(piece)",
        "position = found",
        "pieces of a pattern may share letters",
    ),
    Break(
        "wildcards.py",
        "found = text.find(piece, position, end)",
        "found = text.find(piece, position)",
        "a piece may share letters with the end",
    ),
    Break(
        "wildcards.py",
        "sum(map(len, segment)) + len(segment) - 1",
        "sum(map(len, segment))",
        "a question mark stands for none",
    ),
    Break(
        "wildcards.py",
        "last = end - _width(segment)",
        "last = len(self._text) - _width(segment)",
        "a piece with a question mark may share letters with the end",
    ),
    Break(
        "wildcards.py",
        "position = found + _width(segment)",
        "position = found",
        "pieces with question marks may share letters",
    ),
    Break(
        "wildcards.py",
        "pattern.lower() if ignore_case else pattern",
        "pattern",
        "case is never ignored",
    ),
    Break(
        "wildcards.py",
        "    if len(parts) != ARN_PARTS:\n        return _nothing\n",
        "",
        "a pattern of fewer parts fits an ARN",
    ),
    Break(
        "variables.py",
        "            return self.default\n",
        "            return None\n",
        "a variable has no default",
    ),
    Break(
        "variables.py",
        "return found if isinstance(found, str) else None",
        "return found if isinstance(found, str) else found[0]",
        "the first of many values fills a variable",
    ),
    Break(
        "variables.py",
        "    if inside in _LITERALS:\n",
        "    if False:\n",
        "a star cannot be written as a variable",
    ),
    Break(
        "variables.py",
        'if not with_variables or "${" not in text:',
        'if "${" not in text:',
        "variables are read in every policy",
    ),
    Break(
        "variables.py",
        "pieces is not None and matching(pieces)(resource)",
        'pieces is not None and matching(("".join(pieces),))(resource)',
        "a star that a caller brings is a wildcard",
    ),
    # --- Stored policies
    Break(
        "identities.py",
        "        allows=False,\n",
        "        allows=True,\n",
        "a policy that cannot be read allows everything",
    ),
    Break(
        "identities.py",
        'PolicyInForce(name, unreadable_policy(f"{arn} does not exist"))',
        "PolicyInForce(name, identity_policy(_EVERYTHING))",
        "a boundary that is gone limits nothing",
    ),
    Break(
        "stored_policies.py",
        "PrincipalElement(frozenset((EVERYONE,)))",
        "PrincipalElement(frozenset())",
        "a key policy that cannot be read denies nobody",
    ),
    Break(
        "stored_policies.py",
        "    if not text:\n        return None\n",
        "",
        "a bucket without a policy has one that cannot be read",
    ),
)


# --- Whether a test notices ---------------------------------------------------------------


def survives(broken: Break | None) -> bool:
    """Whether all tests pass in a copy of the project with this break."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        _copy_to(project)
        if broken:
            apply(broken, project)
        return _cases_pass(project) and _tests_pass(project)


def unbroken_cases_pass() -> bool:
    """Whether the cases notice nothing where nothing is broken: else they would notice anything."""
    with tempfile.TemporaryDirectory() as folder:
        _copy_to(Path(folder))
        return _cases_pass(Path(folder))


def _copy_to(project: Path) -> None:
    for name in ("kmslab", "tests", "data"):
        unwanted = shutil.ignore_patterns("__pycache__", "jupyter*")
        shutil.copytree(PROJECT / name, project / name, ignore=unwanted)
    shutil.copy(PROJECT / "pyproject.toml", project)


def apply(broken: Break, project: Path) -> None:
    """Raises ValueError where the break's text does not stand there exactly once."""
    file = project / ACCESS / broken.file
    source = file.read_text(encoding="utf-8")
    if source.count(broken.text) != 1:
        raise ValueError(f"{broken.file} has it {source.count(broken.text)} times: {broken.text!r}")
    file.write_text(source.replace(broken.text, broken.instead), encoding="utf-8")


# What nearly every break fails, and what starts in a tenth of the time.
_CASES = """
from kmslab.learn.authorization_cases import authorization_cases, decide_case, reason
for case in authorization_cases():
    decision = decide_case(case)
    assert (decision.allowed, reason(decision)) == (case.expected == "allowed", case.because)
"""


def _cases_pass(project: Path) -> bool:
    return _exit_code(project, "-c", _CASES) == 0


def _tests_pass(project: Path) -> bool:
    # Without the conftest of the notebooks, which starts no faster than the tests themselves.
    options = ("-x", "-q", "--noconftest", "-p", "no:cacheprovider", f"--deselect={_WITH_LAB}")
    return _exit_code(project, "-m", "pytest", *options, *TESTS) == 0


def _exit_code(project: Path, *arguments: str) -> int:
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(project)}
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, **quiet},
        capture_output=True,
        timeout=_LONGEST,
    )
    # 1: a test fails; 2: the rules cannot even be imported.
    if ran.returncode not in (0, 1, 2):
        raise RuntimeError(ran.stdout.decode() + ran.stderr.decode())
    return ran.returncode


def run(breaks: Iterable[Break]) -> list[Break]:
    """The breaks that no test noticed, told as they are found."""
    survivors: list[Break] = []
    chosen = list(breaks)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for broken, survived in zip(chosen, pool.map(survives, chosen), strict=True):
            print("SURVIVED" if survived else "noticed ", broken.file, "-", broken.what, flush=True)
            if survived:
                survivors.append(broken)
    return survivors


def main(words: list[str]) -> int:
    chosen = [broken for broken in BREAKS if not words or any(w in str(broken) for w in words)]
    began = time.monotonic()
    if not survives(None):
        print("the tests fail with nothing broken")
        return 2
    survivors = run(chosen)
    took = time.monotonic() - began
    print(f"{len(chosen)} breaks, {len(survivors)} survived, {took:.0f} seconds")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
