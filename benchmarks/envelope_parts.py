"""The two parts about envelopes: in memory, and in files."""

from benchmarks.envelope_files import peak_memory, race_copies, race_processes
from benchmarks.race import race, ratio
from benchmarks.results import Absent, Figure, Row

# What is asked was measured against openssl's usual mode; the other one is faster.
_PEERS = {"age": "≤ 0.85", "openssl enc -aes-256-cbc": "≤ 0.85", "openssl enc -aes-256-ctr": ""}


def enveloping() -> list[Figure]:
    rows: list[Figure] = []
    for size, asked in (("1_mib", "≥ 0.93"), ("4_kib", "≥ 0.75")):
        names = [f"envelopes.{arm}_{size}" for arm in ("raw_seal", "seal", "raw_open", "open")]
        times = race(names)
        raw_seal, seal, raw_open, open_ = (times[name] for name in names)
        frames = "frames of " + size.replace("_", " ").replace("mib", "MiB").replace("kib", "KiB")
        rows += [
            Row(f"sealing, {frames}: speed of kmslab / raw AESGCM", ratio(raw_seal, seal), asked),
            Row(f"opening, {frames}: speed of kmslab / raw AESGCM", ratio(raw_open, open_), asked),
        ]
    names = ["signed", "hashed_and_sealed", "ours", "sdk_default", "sdk_equal"]
    times = race([f"envelope_streams.{name}" for name in names], rounds=9)
    signed, hashed, ours, default, equal = times.values()
    return [
        *rows,
        Row(
            "0x0578, 64 MiB: kmslab / SHA-384 and AES-GCM in turn", ratio(signed, hashed), "≤ 1.15"
        ),
        Row("64 MiB: AWS's library by default / kmslab, unsigned", ratio(default, ours), "≥ 7"),
        Row("64 MiB: AWS's library, equal settings / kmslab", ratio(equal, ours), "≥ 4"),
    ]


def enveloping_files() -> list[Figure]:
    rows: list[Figure] = []
    for cores, seconds in race_copies().items():
        asked = "≤ 1.25" if cores == "all" else "≤ 1.5"
        for arm in ("encrypt", "decrypt"):
            figure = f"1 GiB to a new file, {cores} core{'s' * (cores == 'all')}: {arm} / copy"
            rows.append(Row(figure, ratio(seconds[arm], seconds["copy"]), asked))
    whole = race_processes()
    for peer, asked in _PEERS.items():
        figure = f"1 GiB, whole process: kmslab / {peer}"
        if peer in whole:
            rows.append(Row(figure, ratio(whole["kmslab"], whole[peer]), asked))
        else:
            rows.append(Absent(figure, "the program is not installed"))
    for size, name in ((64 * 1024**2, "64 MiB"), (4 * 1024**3, "4 GiB")):
        mebibytes = [peak_memory(size) for _ in range(3)]
        figure = f"peak memory for {name}: MiB above an idle process / the 32 asked"
        rows.append(Row(figure, ratio(mebibytes, [32.0] * 3), "≤ 1"))
    return rows
