"""The parts of the benchmarks: each function races some arms and returns its rows.

A new part is a function here and a line in `PARTS`. A row is a ratio against a peer or a limit that
ran in the same rounds, with what the project asks of it.
"""

import statistics
from collections.abc import Callable
from functools import partial

import pandas

from benchmarks.algorithm_parts import algorithms
from benchmarks.audit_parts import (
    answering,
    auditing,
    auditing_a_million,
    auditing_ten_million,
)
from benchmarks.envelope_parts import enveloping, enveloping_files
from benchmarks.race import one_ratio, race, ratio
from benchmarks.results import Curve, Figure, Point, Row
from benchmarks.servers import race_servers
from benchmarks.trails import EVENTS
from kmslab import Lab
from kmslab.learn.benchmark_record import SIZES_CURVE, STAGES_CURVE
from kmslab.learn.over_http import client_over_http
from kmslab.learn.size_costs import AES, ENVELOPE, time_sizes
from kmslab.learn.spans import STAGES, Way, coverage, time_ways


def in_process() -> list[Figure]:
    times = race(
        [
            *("lab_encrypt", "canned_encrypt", "moto_encrypt", "moto_default_encrypt"),
            *("door_encrypt", "direct_encrypt"),
        ]
    )
    lab, canned, moto = times["lab_encrypt"], times["canned_encrypt"], times["moto_encrypt"]
    door, direct = times["door_encrypt"], times["direct_encrypt"]
    return [
        Row(
            "boto3 Encrypt, clients as they come: moto / kmslab",
            ratio(times["moto_default_encrypt"], lab),
            "≥ 2",
        ),
        Row("boto3 Encrypt, one user agent: moto / kmslab", ratio(moto, lab), "≥ 2.5"),
        Row("the most that could be reached there: moto / canned answer", ratio(moto, canned)),
        Row(
            f"Encrypt: moto by boto3 / kmslab without ({statistics.median(direct):.0f} µs here)",
            ratio(moto, direct),
            "≥ 15",
        ),
        Row("boto3 Encrypt: kmslab / canned answer", ratio(lab, canned), "≤ 1.25"),
        Row(
            f"the door alone ({statistics.median(door):.0f} µs here) / canned boto3 call",
            ratio(door, canned),
            "≤ 0.19",
        ),
    ]


def listening() -> list[Figure]:
    """Spans: what they cost, and what they tell."""
    listened, after, plain = race(
        ["spans.listened_encrypt", "spans.encrypt_after_listening", "lab_encrypt"]
    ).values()
    return [
        Row("boto3 Encrypt: every stage timed / nobody listens", ratio(listened, plain), "≤ 1.08"),
        Row("boto3 Encrypt: listened to before / never", ratio(after, plain), "≤ 1.02"),
        *_stages(),
    ]


def _stages(rounds: int = 400) -> list[Figure]:
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key_id, "Plaintext": b"the door code is 4711"}
    with client_over_http(lab) as over_http:
        ways = time_ways(
            lab,
            {
                "lab.call": Way(partial(lab.call, "Encrypt", **asked)),
                "boto3 in process": Way(partial(kms.encrypt, **asked), kms),
                "boto3 over HTTP": Way(partial(over_http.encrypt, **asked), over_http),
            },
            rounds,
        )
    rows = [
        Row(f"share of {name} that its stages cover", one_ratio(coverage(times)), "≥ 0.9")
        for name, times in ways.items()
    ]
    lines = {name: _stage_points(times) for name, times in ways.items()}
    return [*rows, Curve(STAGES_CURVE, "stage, in their order", "microseconds", lines)]


def _stage_points(times: pandas.DataFrame) -> list[Point]:
    order = [*STAGES, "total"]
    return [
        Point(order.index(stage), *times[stage].quantile([0.5, 0.25, 0.75]))
        for stage in times.columns
    ]


def sizing() -> list[Figure]:
    """What size costs: KMS itself, an envelope, and AES alone as the limit."""
    lab = Lab()
    kms = lab.client("kms")
    costs = time_sizes(kms, kms.create_key()["KeyMetadata"]["KeyId"])
    lines = {
        str(way): [Point(*row) for row in of_way[["size", "median", "low", "high"]].to_numpy()]
        for way, of_way in costs.groupby("way", sort=False)
    }
    largest = costs[costs["size"] == costs["size"].max()].set_index("way")["median"]
    whole = one_ratio(largest[ENVELOPE] / largest[AES])
    return [
        Row("64 MiB in memory: an envelope / AES alone", whole),
        Curve(SIZES_CURVE, "bytes", "microseconds", lines),
    ]


def deciding() -> list[Figure]:
    few, many = "decisions.decision_with_ten_grants", "decisions.decision_with_ten_thousand_grants"
    times = race(
        [few, many, "decisions.naive_decision", "decisions.decision_read_anew", "canned_encrypt"]
    )
    microseconds = statistics.median(times[few])
    return [
        # Asked are 10 µs where a canned boto3 call takes 320.
        Row(
            f"one decision, 10 grants ({microseconds:.1f} µs here) / canned boto3 call",
            ratio(times[few], times["canned_encrypt"]),
            "≤ 0.031",
        ),
        Row(
            "one decision: read anew / kmslab",
            ratio(times["decisions.decision_read_anew"], times[few]),
            "≥ 8",
        ),
        Row(
            "one decision: bare fnmatch / kmslab",
            ratio(times["decisions.naive_decision"], times[few]),
            "≥ 8",
        ),
        Row("one decision: 10,000 grants / 10", ratio(times[many], times[few]), "≤ 2"),
    ]


def creating() -> list[Figure]:
    times = race(["lab_create_key", "moto_create_key"], rounds=40)
    faster = ratio(times["moto_create_key"], times["lab_create_key"])
    milliseconds = statistics.median(times["lab_create_key"]) / 1000
    # Asked is 1 ms where moto takes 59, most of it for an RSA key, whose time varies.
    return [Row(f"boto3 CreateKey ({milliseconds:.2f} ms here): moto / kmslab", faster, "≥ 59")]


def many_keys() -> list[Figure]:
    names = ["one_key_by_id", "many_keys_by_id", "many_keys_by_alias"]
    times = race(names)
    one = times["one_key_by_id"]
    pages = race(["first_page_of_one_hundred", "deep_page_of_many"])
    first, deep = pages["first_page_of_one_hundred"], pages["deep_page_of_many"]
    return [
        Row("Encrypt by id: 100,000 keys / 1 key", ratio(times["many_keys_by_id"], one), "≤ 1.2"),
        Row(
            "Encrypt by alias: 100,000 keys / 1 key by id",
            ratio(times["many_keys_by_alias"], one),
            "≤ 1.2",
        ),
        Row("ListKeys page: middle of 100,000 / first of 101", ratio(deep, first), "≤ 1.2"),
    ]


def storing() -> list[Figure]:
    names = [
        "objects.put_64_mib",
        "objects.hook_put_64_mib",
        "objects.get_64_mib",
        "objects.hook_get_64_mib",
    ]
    times = race(names, rounds=15)
    smaller = race(["objects.put_16_mib", "objects.moto_put_16_mib"], rounds=9)
    return [
        Row(
            "boto3 PutObject, 64 MiB, SSE-KMS: kmslab / reading hook",
            ratio(times["objects.put_64_mib"], times["objects.hook_put_64_mib"]),
            "≤ 2",
        ),
        Row(
            "boto3 GetObject, 64 MiB, SSE-KMS: kmslab / answering hook",
            ratio(times["objects.get_64_mib"], times["objects.hook_get_64_mib"]),
            "≤ 2",
        ),
        Row(
            "boto3 PutObject, 16 MiB: kmslab / moto",
            ratio(smaller["objects.put_16_mib"], smaller["objects.moto_put_16_mib"]),
            "≤ 0.25",
        ),
    ]


def recording() -> list[Figure]:
    noted = race(["trails.event_with_a_trail", "canned_encrypt"])
    many = race(["trails.one_hundred_thousand_events", "canned_encrypt"], rounds=5)
    microseconds = statistics.median(noted["trails.event_with_a_trail"])
    delivered = many["trails.one_hundred_thousand_events"]
    return [
        # Asked are 15 µs where a canned boto3 call takes 320.
        Row(
            f"an event while a trail logs ({microseconds:.1f} µs here) / canned boto3 call",
            ratio(noted["trails.event_with_a_trail"], noted["canned_encrypt"]),
            "≤ 0.047",
        ),
        # Asked are 10 s where as many canned calls would take 32.
        Row(
            f"delivering 100,000 events ({statistics.median(delivered) / 1e6:.1f} s here) "
            "/ canned calls",
            ratio([each / EVENTS for each in delivered], many["canned_encrypt"]),
            "≤ 0.31",
        ),
    ]


def serving() -> list[Figure]:
    rates, starts = race_servers()
    begins = {name: statistics.median(seconds) for name, seconds in starts.items()}
    return [
        Row("requests/s, 8 clients: kmslab / moto", ratio(rates["kmslab"], rates["moto"]), "≥ 15"),
        Row(
            "requests/s, 8 clients: kmslab / ministack",
            ratio(rates["kmslab"], rates["ministack"]),
            "≥ 2",
        ),
        Row(
            f"start to first answer ({begins['kmslab']:.2f} s here) / the half second asked",
            ratio(starts["kmslab"], [0.5] * len(starts["kmslab"])),
            "≤ 1",
        ),
    ]


PARTS: dict[str, Callable[[], list[Figure]]] = {
    "encrypt": in_process,
    "spans": listening,
    "sizes": sizing,
    "decisions": deciding,
    "create-key": creating,
    "algorithms": algorithms,
    "objects": storing,
    "trails": recording,
    "audit": auditing,
    "audit-million": auditing_a_million,
    "answers": answering,
    "serve": serving,
    "many-keys": many_keys,
    "envelopes": enveloping,
    "envelope-files": enveloping_files,
}
"""In the order in which they run, by the names they are chosen by."""

FULL = {"audit-ten-million": auditing_ten_million}
"""What runs only when it is asked for, by its name or by `--full`."""
