"""Typical wrong answers to the exercises of notebook 14, each with the mistake it makes."""


def returns_nothing(*arguments):
    return None


# --- 14-1 ---------------------------------------------------------------------------------


def share_of(typical):
    stages = typical.drop("total")
    return stages.idxmax(), float(stages.max() / typical["total"])


def takes_the_mean(times):
    return share_of(times.mean())


def takes_the_slowest_call(times):
    return share_of(times.max())


def takes_total_for_a_stage(times):
    medians = times.median()
    return medians.idxmax(), 1.0


def returns_microseconds(times):
    medians = times.median().drop("total")
    return medians.idxmax(), float(medians.max())


def returns_the_name_alone(times):
    return times.median().drop("total").idxmax()


def shares_of_the_means(times):
    name, _ = share_of(times.median())
    return name, float(times[name].sum() / times["total"].sum())


# --- 14-2 ---------------------------------------------------------------------------------


def fresh(kms, key_id, spec="AES_256"):
    made = kms.generate_data_key(KeyId=key_id, KeySpec=spec)
    return made["Plaintext"], made["CiphertextBlob"]


def asks_each_time(kms, key_id, most):
    return lambda: fresh(kms, key_id)


def never_asks_again(kms, key_id, most):
    held = []

    def give():
        if not held:
            held.append(fresh(kms, key_id))
        return held[0]

    return give


def counting(kms, key_id, most, spec="AES_256"):
    state = {"left": 0}

    def give():
        if state["left"] == 0:
            state["held"], state["left"] = fresh(kms, key_id, spec), most
        state["left"] -= 1
        return state["held"]

    return give


def gives_one_too_often(kms, key_id, most):
    return counting(kms, key_id, most + 1)


def asks_before_it_is_called(kms, key_id, most):
    give = counting(kms, key_id, most)
    first = [give()]
    return lambda: first.pop() if first else give()


def makes_short_keys(kms, key_id, most):
    return counting(kms, key_id, most, spec="AES_128")


def gives_the_plaintext_alone(kms, key_id, most):
    give = counting(kms, key_id, most)
    return lambda: give()[0]


SHARED = {}


def shares_one_cache(kms, key_id, most):
    def give():
        state = SHARED.setdefault(key_id, {"left": 0})
        if state["left"] == 0:
            state["held"], state["left"] = fresh(kms, key_id), most
        state["left"] -= 1
        return state["held"]

    return give


WRONG = {
    "14-1": [
        ("returns nothing", returns_nothing),
        ("takes the mean", takes_the_mean),
        ("takes the slowest call", takes_the_slowest_call),
        ("takes total for a stage", takes_total_for_a_stage),
        ("returns microseconds for a share", returns_microseconds),
        ("returns the name alone", returns_the_name_alone),
        ("takes the share of means", shares_of_the_means),
    ],
    "14-2": [
        ("returns nothing", returns_nothing),
        ("asks each time", asks_each_time),
        ("never asks again", never_asks_again),
        ("gives each out once too often", gives_one_too_often),
        ("asks before it is called", asks_before_it_is_called),
        ("makes keys of 128 bits", makes_short_keys),
        ("gives the plaintext alone", gives_the_plaintext_alone),
        ("shares one cache between sources", shares_one_cache),
    ],
}
