"""An auditor's questions, each a function from the table of `kmslab.audit` to a smaller one.

Sessions of one role count as that role, since it is the role that has rights. Only the table is
looked at: what the trail does not tell, such as rights nobody used, is given by the caller.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

import pandas

CRYPTOGRAPHIC = tuple(
    f"kms:{operation}"
    for operation in (
        *("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "GenerateMac", "VerifyMac"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DeriveSharedSecret"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("Encapsulate", "Decapsulate"),
    )
)

# In an ARN, divided by colons: Region, account, and key/id.
_TELLING = (3, 4, 5)
_SUMMARY = ("calls", "refused", "first", "last")


class Decided(Protocol):
    """A decision, as `lab.decisions` gives them."""

    @property
    def because(self) -> str: ...


def actor(table: pandas.DataFrame) -> pandas.Series:
    """For each row whose rights counted: the role of a session, or else the principal."""
    roles = table["role"].astype("object")
    found = roles.where(roles.notna(), table["principal"].astype("object"))
    return found.astype("category").rename("actor")


def of_key(table: pandas.DataFrame, key: str) -> pandas.DataFrame:
    """The rows that concern a KMS key: `key` is its ARN, its id, or one of its aliases."""
    if key.startswith("alias/"):
        arns = set(table.loc[table["alias"] == key, "key_arn"].dropna())
        if not arns:
            raise ValueError(f"the table knows no key with the alias {key!r}")
    else:
        arns = {key} if key.startswith("arn:") else _arns_ending(table, f":key/{key}")
    # The second key of a ReEncrypt stands among the resources alone.
    among = table["resources"].map(lambda each: not arns.isdisjoint(each)).astype(bool)
    return table[table["key_arn"].isin(arns) | among]


def who_used(table: pandas.DataFrame, key: str) -> pandas.DataFrame:
    """Who called which operation with a KMS key, how often, how often in vain, and when first and
    last; the busiest first. `key` as for `of_key`."""
    return _summed_up(of_key(table, key), ["actor", "invoked_by", "operation"])


def who_uses_what(table: pandas.DataFrame) -> pandas.DataFrame:
    """How often who used which key successfully for cryptography: a row for each actor, a column
    for each key, by its newest alias where the table has one; the busiest first. Where keys share a
    name, their Regions stand behind it, or what else tells their ARNs apart."""
    worked = table[table["operation"].isin(CRYPTOGRAPHIC) & (table["outcome"] == "ok")]
    counted = pandas.crosstab(actor(worked).astype("object"), _keys(worked))
    counted.columns = _told_apart(_names(worked)).loc[counted.columns].rename("key")
    counted = counted.sort_index(axis=1)
    rows, columns = ((-counted.sum(axis=each)).argsort(kind="stable").to_numpy() for each in (1, 0))
    return counted.iloc[rows, columns]


def short_names(table: pandas.DataFrame) -> pandas.Series:
    """For each row its key, as people call it: the alias, or else the first block of its id."""
    ids = table["key_arn"].astype("object").str.split("/").str[-1].str.split("-").str[0]
    alias = table["alias"].astype("object").str.removeprefix("alias/")
    return alias.where(alias.notna(), ids)


def in_whose_name(table: pandas.DataFrame) -> pandas.DataFrame:
    """What services did in the name of others: S3, for whoever reads an encrypted object."""
    forwarded = table[table["invoked_by"].notna()]
    return _summed_up(forwarded, ["invoked_by", "actor", "operation", "key_arn"])


def denials(
    table: pandas.DataFrame, why: Callable[[str], Sequence[Decided]] | None = None
) -> pandas.DataFrame:
    """What was denied. The record says what the caller was told; with `lab.decisions` for `why`
    the column `because` says what decided, and is empty where nobody knows any more."""
    columns = ["time", "principal", "operation", "key_arn", "error_message", "request_id"]
    denied = table.loc[table["outcome"] == "denied", columns].reset_index(drop=True)
    if why is not None:
        denied["because"] = [_because(why(each)) for each in denied["request_id"].fillna("")]
    return denied


def objects_opened(table: pandas.DataFrame) -> pandas.DataFrame:
    """Which objects' data keys were opened, by whom, how often and when. With an S3 Bucket Key the
    trail names the bucket alone: one opened key serves for many objects."""
    opened = table[(table["operation"] == "kms:Decrypt") & (table["outcome"] == "ok")]
    arns = [(context or {}).get("aws:s3:arn") for context in opened["encryption_context"]]
    named = opened.assign(object_arn=pandas.Series(arns, opened.index, dtype="object"))
    return _summed_up(named[named["object_arn"].notna()], ["actor", "object_arn", "key_arn"])


def sleeping_keys(
    table: pandas.DataFrame, key_arns: Iterable[str], since: datetime | None = None
) -> pandas.DataFrame:
    """Those of `key_arns` that no cryptographic call used in this table, or none after `since`,
    with the time of their last use: no time means never. A table tells nothing of what happened
    before it begins."""
    worked = table[table["operation"].isin(CRYPTOGRAPHIC) & (table["outcome"] == "ok")]
    uses = worked[["time", "resources"]].explode("resources")
    last = uses.groupby("resources")["time"].max()
    found = pandas.DataFrame({"key_arn": list(dict.fromkeys(key_arns))})
    found["last_used"] = last.reindex(found["key_arn"]).array
    awake = found["last_used"].notna()
    if since is not None:
        awake &= found["last_used"] >= pandas.Timestamp(since)
    return found[~awake].reset_index(drop=True)


def could_but_never_did(
    table: pandas.DataFrame, rights: Iterable[tuple[str, str, str]]
) -> pandas.DataFrame:
    """Rights to KMS keys that were never used: each of `rights` is an actor's ARN, an action
    (kms:Decrypt, kms:ReEncryptFrom) and a key's ARN. Whoever needs no right that it has can lose
    it."""
    worked = table[table["outcome"] == "ok"]
    calls = zip(
        *(actor(worked), worked["operation"], worked["key_arn"], worked["resources"]), strict=True
    )
    used = {(each, *right) for each, *call in set(calls) for right in _rights(*call)}
    columns = ["actor", "operation", "key_arn"]
    unused = [right for right in dict.fromkeys(rights) if right not in used]
    return pandas.DataFrame(unused, columns=columns)


def _keys(table: pandas.DataFrame) -> pandas.Series:
    """For each row the ARN of its key, or the alias where nothing else is known."""
    return table["key_arn"].astype("object").fillna(table["alias"].astype("object")).rename("key")


def _names(table: pandas.DataFrame) -> pandas.Series:
    """For each key its newest alias, or else what people call it without one."""
    told = table[["key_arn", "alias"]].drop_duplicates(keep="last")
    without, named = (
        short_names(rows).groupby(_keys(rows)).last()
        for rows in (told, told[told["alias"].notna()])
    )
    return named.combine_first(without)


def _told_apart(names: pandas.Series) -> pandas.Series:
    """Names of keys by their ARNs; those that several have are followed by parts of the ARN."""
    parts = names.index.to_series().astype("object").str.split(":")
    for place in _TELLING:
        several = names.duplicated(keep=False)
        more = names + " " + parts.str[place].fillna("")
        names = names.where(~several, more.str.strip())
    return names


def _rights(operation: str, key_arn: str, arns: Sequence[str]) -> list[tuple[str, str]]:
    """The rights that a call used. ReEncrypt needs one for each of its keys, and has the name of
    neither (AWS KMS Developer Guide, "AWS KMS permissions")."""
    if operation != "kms:ReEncrypt":
        return [(operation, arn) for arn in arns]
    others = list(arns)
    if key_arn in others:
        others.remove(key_arn)
    return [("kms:ReEncryptFrom", key_arn), *(("kms:ReEncryptTo", arn) for arn in others)]


def _arns_ending(table: pandas.DataFrame, ending: str) -> set[str]:
    # Of what was refused across accounts the key that was asked for is known, and no resources.
    named = {arn for arns in table["resources"] for arn in arns}.union(table["key_arn"].dropna())
    return {arn for arn in named if arn.endswith(ending)}


def _summed_up(table: pandas.DataFrame, by: list[str]) -> pandas.DataFrame:
    """One row for each combination of `by`: calls, those of them that were refused, first, last."""
    rows = table.assign(actor=actor(table), refused=table["outcome"] != "ok")
    for name in by:
        rows[name] = rows[name].astype("object")
    groups = rows.groupby(by, dropna=False, sort=False)
    summary = groups.agg(
        calls=("time", "size"),
        refused=("refused", "sum"),
        first=("time", "min"),
        last=("time", "max"),
    )
    ordered = summary.reset_index().sort_values(["calls", "first"], ascending=[False, True])
    return ordered.reset_index(drop=True)[[*by, *_SUMMARY]]


def _because(decisions: Sequence[Decided]) -> str:
    return decisions[-1].because if decisions else ""
