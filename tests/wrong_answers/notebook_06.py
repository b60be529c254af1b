"""Typical wrong answers to the exercises of notebook 06, each with the mistake it makes."""


def _re_encrypted(kms, key_id, blob):
    return kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id)


def as_they_are(kms, key_id, blobs):
    return blobs


def all_of_them(kms, key_id, blobs):
    return [_re_encrypted(kms, key_id, blob)["CiphertextBlob"] for blob in blobs]


def only_the_old_ones(kms, key_id, blobs):
    answers = [_re_encrypted(kms, key_id, blob) for blob in blobs]
    return [
        answer["CiphertextBlob"]
        for answer in answers
        if answer["SourceKeyMaterialId"] != answer["DestinationKeyMaterialId"]
    ]


def compared_with_the_first(kms, key_id, blobs):
    answers = [_re_encrypted(kms, key_id, blob) for blob in blobs]
    first = answers[0]["SourceKeyMaterialId"]
    return [
        answer["CiphertextBlob"] if answer["SourceKeyMaterialId"] == first else blob
        for answer, blob in zip(answers, blobs, strict=True)
    ]


def decrypts(kms, key_id, blobs):
    plaintexts = [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs]
    return [kms.encrypt(KeyId=key_id, Plaintext=each)["CiphertextBlob"] for each in plaintexts]


def rotates_first(kms, key_id, blobs):
    kms.rotate_key_on_demand(KeyId=key_id)
    return all_of_them(kms, key_id, blobs)


def whole_answers(kms, key_id, blobs):
    return [_re_encrypted(kms, key_id, blob) for blob in blobs]


def _idle(kms, key_id, now):
    told = kms.get_key_last_usage(KeyId=key_id)
    return (now - told["KeyLastUsage"].get("Timestamp", told["KeyCreationDate"])).days


def _state(kms, key_id):
    return kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]


def never_used_is_idle(kms, key_id, now):
    usage = kms.get_key_last_usage(KeyId=key_id)["KeyLastUsage"]
    idle = (now - usage["Timestamp"]).days if usage else 10_000
    return _put_away(kms, key_id, idle)


def never_used_is_kept(kms, key_id, now):
    if not kms.get_key_last_usage(KeyId=key_id)["KeyLastUsage"]:
        return "kept"
    return _put_away(kms, key_id, _idle(kms, key_id, now))


def by_age(kms, key_id, now):
    created = kms.describe_key(KeyId=key_id)["KeyMetadata"]["CreationDate"]
    return _put_away(kms, key_id, (now - created).days)


def one_day_late(kms, key_id, now):
    return _put_away(kms, key_id, _idle(kms, key_id, now) - 1)


def default_window(kms, key_id, now):
    return _put_away(kms, key_id, _idle(kms, key_id, now), window=7)


def deletes_at_once(kms, key_id, now):
    if _idle(kms, key_id, now) < 90:
        return "kept"
    if _idle(kms, key_id, now) >= 180:
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=30)
        return "scheduled"
    kms.disable_key(KeyId=key_id)
    return "disabled"


def schedules_after_90_days(kms, key_id, now):
    return _put_away(kms, key_id, _idle(kms, key_id, now), disabled_for=90)


def only_says(kms, key_id, now):
    idle, state = _idle(kms, key_id, now), _state(kms, key_id)
    if state == "Enabled" and idle >= 90:
        return "disabled"
    return "scheduled" if state == "Disabled" and idle >= 180 else "kept"


def _put_away(kms, key_id, idle, window=30, disabled_for=180):
    state = _state(kms, key_id)
    if state == "Enabled" and idle >= 90:
        kms.disable_key(KeyId=key_id)
        return "disabled"
    if state == "Disabled" and idle >= disabled_for:
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=window)
        return "scheduled"
    return "kept"


OF_TESTS = {"StringEquals": {"aws:ResourceTag/stage": "test"}}
IDLE = {"NumericGreaterThanEquals": {"kms:TrailingDaysWithoutKeyUsage": "30"}}
SWITCH, END = ["kms:DisableKey", "kms:EnableKey"], "kms:ScheduleKeyDeletion"


def _policy(*statements):
    whole = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return {"Version": "2012-10-17", "Statement": whole}


def _cleaner(of_tests=OF_TESTS, idle=IDLE, switch=SWITCH):
    return _policy(
        {"Action": switch, "Condition": of_tests},
        {"Action": END, "Condition": {**of_tests, **idle}},
    )


def no_days():
    return _cleaner(idle={})


def no_tags():
    return _policy({"Action": SWITCH}, {"Action": END, "Condition": IDLE})


def tags_of_the_request():
    return _cleaner(of_tests={"StringEquals": {"aws:RequestTag/stage": "test"}})


def one_statement():
    return _policy({"Action": [*SWITCH, END], "Condition": {**OF_TESTS, **IDLE}})


def two_statements_for_the_end():
    return _policy(
        {"Action": [*SWITCH, END], "Condition": OF_TESTS},
        {"Action": END, "Condition": IDLE},
    )


def more_than_30_days():
    later = {"NumericGreaterThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}}
    return _cleaner(idle=later)


def may_tag_as_well():
    return _cleaner(switch=[*SWITCH, "kms:TagResource"])


def everything_with_tests():
    return _policy({"Action": "kms:*", "Condition": OF_TESTS})


def without_regard_to_case():
    return _cleaner(of_tests={"StringEqualsIgnoreCase": {"aws:ResourceTag/stage": "test"}})


def as_text():
    return str(_cleaner())


WRONG = {
    "06-1": [
        ("returns what came", as_they_are),
        ("encrypts all of them anew", all_of_them),
        ("returns only the old ones", only_the_old_ones),
        ("knows only the first of the old materials", compared_with_the_first),
        ("decrypts, which it may not", decrypts),
        ("rotates, which it may not", rotates_first),
        ("returns whole answers", whole_answers),
    ],
    "06-2": [
        ("takes a key that was never used for an idle one", never_used_is_idle),
        ("keeps a key that was never used", never_used_is_kept),
        ("counts from the creation", by_age),
        ("is a day late", one_day_late),
        ("waits seven days only", default_window),
        ("deletes what is not disabled yet", deletes_at_once),
        ("schedules after 90 days", schedules_after_90_days),
        ("only says so", only_says),
    ],
    "06-3": [
        ("asks for no idle days", no_days),
        ("looks at no tags", no_tags),
        ("looks at the tags of the request", tags_of_the_request),
        ("asks EnableKey for days that it does not know", one_statement),
        ("lets either condition do", two_statements_for_the_end),
        ("asks for more than 30 days", more_than_30_days),
        ("allows to tag", may_tag_as_well),
        ("allows everything with keys of tests", everything_with_tests),
        ("does not tell Test from test", without_regard_to_case),
        ("returns text", as_text),
    ],
}
