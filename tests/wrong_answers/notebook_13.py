"""Typical wrong answers to the exercises of notebook 13, each with the mistake it makes."""

import copy

from kmslab import audit
from kmslab.learn import incident

STATEMENT = {
    "Sid": "NotTheReports",
    "Effect": "Deny",
    "Principal": {"AWS": "arn:aws:iam::111122223333:role/report-renderer"},
    "Action": "kms:Decrypt",
    "Resource": "*",
}


def returns_nothing(*arguments):
    return None


# --- 13-1 ---------------------------------------------------------------------------------


def direct(table):
    return table[table["invoked_by"].isna() & table["access_key_id"].notna()]


def first_row(rows):
    return rows.iloc[0]["access_key_id"], rows.iloc[0]["source_ip"]


def takes_who_was_refused_most(table):
    denied = direct(table[table["outcome"] == "denied"])
    busiest = denied["access_key_id"].value_counts().index[0]
    return first_row(denied[denied["access_key_id"] == busiest])


def takes_who_works_at_home(table):
    return first_row(table[table["source_ip"] == "192.0.2.15"])


def takes_a_pipeline(table):
    return first_row(table[table["source_ip"] == "198.51.100.8"])


def takes_whose_addresses_are_most(table):
    places = direct(table).groupby("access_key_id", observed=True)["source_ip"].nunique()
    return first_row(direct(table[table["access_key_id"] == places.idxmax()]))


def takes_whose_programs_are_most(table):
    programs = direct(table).groupby("access_key_id", observed=True)["user_agent"].nunique()
    return first_row(direct(table[table["access_key_id"] == programs.idxmax()]))


def takes_the_hotel(table):
    at_hotel = direct(table[table["source_ip"] == "192.0.2.77"])
    return first_row(at_hotel[at_hotel["access_key_id"].str.startswith("ASIA")])


def tells_where_the_program_works(table):
    theirs = table[table["source_ip"] == "192.0.2.141"]
    return theirs.iloc[0]["access_key_id"], "10.1.7.31"


def tells_the_address_of_s3(table):
    theirs = table[table["source_ip"] == "192.0.2.141"]
    return theirs.iloc[0]["access_key_id"], "AWS Internal"


def tells_the_role(table):
    theirs = table[table["source_ip"] == "192.0.2.141"]
    return theirs.iloc[0]["role"], "192.0.2.141"


# --- 13-2 ---------------------------------------------------------------------------------


def reads_of(rows):
    read = rows[(rows["operation"] == "s3:GetObject") & (rows["outcome"] == "ok")]
    return sorted({arns[0] for arns in read["resources"]})


def counts_reads_that_failed(table, access_key_id, source_ip):
    theirs = table[table["source_ip"] == source_ip]
    asked = theirs[theirs["operation"] == "s3:GetObject"]
    return theirs["time"].min(), sorted({arns[0] for arns in asked["resources"]})


def counts_the_programs_reads(table, access_key_id, source_ip):
    theirs = table[table["access_key_id"] == access_key_id]
    return table[table["source_ip"] == source_ip]["time"].min(), reads_of(theirs)


def begins_with_the_first_read(table, access_key_id, source_ip):
    theirs = table[table["source_ip"] == source_ip]
    read = theirs[theirs["operation"] == "s3:GetObject"]
    return read["time"].min(), reads_of(theirs)


def begins_with_the_session(table, access_key_id, source_ip):
    theirs = table[table["access_key_id"] == access_key_id]
    return theirs["time"].min(), reads_of(theirs[theirs["source_ip"] == source_ip])


def lists_buckets_too(table, access_key_id, source_ip):
    theirs = table[table["source_ip"] == source_ip]
    arns = {arn for arns in theirs["resources"] for arn in arns if arn.startswith("arn:aws:s3")}
    return theirs["time"].min(), sorted(arns)


def asks_the_keys_trail(table, access_key_id, source_ip):
    theirs = table[(table["source_ip"] == source_ip) & (table["operation"] == "kms:Decrypt")]
    contexts = [context["aws:s3:arn"] for context in theirs["encryption_context"]]
    return table[table["source_ip"] == source_ip]["time"].min(), sorted(contexts)


def does_not_sort(table, access_key_id, source_ip):
    theirs = table[table["source_ip"] == source_ip]
    return theirs["time"].min(), reads_of(theirs)[::-1]


# --- 13-3 ---------------------------------------------------------------------------------


def made(records):
    return [each for each in records if each["eventName"] == "CreateGrant" and ok(each)]


def ok(record):
    return "errorCode" not in record


def takes_the_first_grant_of_the_role(records, role_arn, key_arn):
    for record in made(records):
        if record["requestParameters"]["granteePrincipal"] == role_arn:
            return record["responseElements"]["grantId"]
    return None


def takes_any_grant_on_the_key(records, role_arn, key_arn):
    for record in made(records):
        if record["resources"][0]["ARN"] == key_arn:
            return record["responseElements"]["grantId"]
    return None


def forgets_that_grants_end(records, role_arn, key_arn):
    for record in made(records):
        asked = record["requestParameters"]
        if asked["granteePrincipal"] == role_arn and record["resources"][0]["ARN"] == key_arn:
            return record["responseElements"]["grantId"]
    return None


def living(records, role_arn, key_arn, believed=lambda record: True):
    ended = {
        (each["requestParameters"] or each.get("additionalEventData"))["grantId"]
        for each in records
        if each["eventName"] in ("RevokeGrant", "RetireGrant")
    }
    for record in records:
        if record["eventName"] != "CreateGrant" or not believed(record):
            continue
        asked, told = record["requestParameters"], record["responseElements"] or {}
        fits = asked["granteePrincipal"] == role_arn and record["resources"][0]["ARN"] == key_arn
        if fits and told.get("grantId", "refused") not in ended:
            return told.get("grantId", "refused")
    return None


def opens(record):
    return "Decrypt" in record["requestParameters"]["operations"]


def believes_refused_calls(records, role_arn, key_arn):
    return living(records, role_arn, key_arn, opens)


def forgets_what_a_grant_is_for(records, role_arn, key_arn):
    return living(records, role_arn, key_arn, ok)


def tells_the_request(records, role_arn, key_arn):
    for record in made(records):
        asked = record["requestParameters"]
        if asked["granteePrincipal"] == role_arn and record["resources"][0]["ARN"] == key_arn:
            return record["requestID"]
    return None


# --- 13-4 ---------------------------------------------------------------------------------


def changes_nothing(key_policy, grant):
    return key_policy, grant


def makes_no_grant(key_policy, grant):
    return key_policy, None


def with_statement(key_policy, **more):
    changed = copy.deepcopy(key_policy)
    changed["Statement"].append({**STATEMENT, **more})
    return changed


def denies_the_role(key_policy, grant):
    return with_statement(key_policy), grant


def denies_the_session(key_policy, grant):
    session = "arn:aws:sts::111122223333:assumed-role/report-renderer/render-2"
    return with_statement(key_policy, Principal={"AWS": session}), grant


def denies_the_address(key_policy, grant):
    """S3 passes no address on, so the condition never holds."""
    address = {"IpAddress": {"aws:SourceIp": "192.0.2.141/32"}}
    return with_statement(key_policy, Condition=address), grant


def denies_every_other_address(key_policy, grant):
    """And this one always does, since a condition that negates holds for what is not there."""
    inside = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    return with_statement(key_policy, Principal="*", Condition=inside), grant


def demands_that_nothing_else_stands_there(key_policy, grant):
    return key_policy, {**grant, "Constraints": {"EncryptionContextEquals": {"dataset": "figures"}}}


def closes_what_was_stolen(key_policy, grant):
    """Which is of no use tomorrow."""
    table = audit.from_folder(incident.FOLDER / "AWSLogs", progress=False)
    theirs = table[table["source_ip"] == "192.0.2.141"]
    objects = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": reads_of(theirs)}}
    return with_statement(key_policy, Condition=objects), grant


def closes_profiles_for_everybody(key_policy, grant):
    profiles = {"StringEquals": {"kms:EncryptionContext:dataset": "profiles"}}
    return with_statement(key_policy, Principal="*", Condition=profiles), grant


def locks_the_administrators_out(key_policy, grant):
    return {**key_policy, "Statement": key_policy["Statement"][1:]}, grant


WRONG = {
    "13-1": [
        ("takes who was refused most", takes_who_was_refused_most),
        ("takes who works at home in the evening", takes_who_works_at_home),
        ("takes a pipeline of three machines", takes_a_pipeline),
        ("takes the credentials with most addresses", takes_whose_addresses_are_most),
        ("takes the credentials with most programs", takes_whose_programs_are_most),
        ("takes who is on call in a hotel", takes_the_hotel),
        ("tells where the program works", tells_where_the_program_works),
        ("tells where S3 works", tells_the_address_of_s3),
        ("tells the role instead of the credentials", tells_the_role),
        ("returns nothing", returns_nothing),
    ],
    "13-2": [
        ("counts what the program read", counts_the_programs_reads),
        ("counts reads that failed", counts_reads_that_failed),
        ("begins with the first read", begins_with_the_first_read),
        ("begins with the session", begins_with_the_session),
        ("lists buckets too", lists_buckets_too),
        ("asks the key's trail for an address", asks_the_keys_trail),
        ("does not sort", does_not_sort),
        ("returns nothing", returns_nothing),
    ],
    "13-3": [
        ("takes the first grant of the role", takes_the_first_grant_of_the_role),
        ("takes any grant on the key", takes_any_grant_on_the_key),
        ("forgets that grants end", forgets_that_grants_end),
        ("tells the request instead of the grant", tells_the_request),
        ("believes a call that was refused", believes_refused_calls),
        ("forgets what a grant is for", forgets_what_a_grant_is_for),
        ("returns nothing", returns_nothing),
    ],
    "13-4": [
        ("changes nothing", changes_nothing),
        ("makes no grant", makes_no_grant),
        ("denies the role", denies_the_role),
        ("denies the session", denies_the_session),
        ("denies the address", denies_the_address),
        ("denies every other address", denies_every_other_address),
        ("demands that nothing else stands there", demands_that_nothing_else_stands_there),
        ("closes what was stolen and no more", closes_what_was_stolen),
        ("closes profiles for everybody", closes_profiles_for_everybody),
        ("locks the administrators out", locks_the_administrators_out),
        ("returns nothing", returns_nothing),
    ],
}
