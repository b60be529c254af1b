"""`kmslab encrypt`, `decrypt` and `rewrap`: envelopes for files, with KMS found as boto3 finds it.

The cryptography is `kmslab.envelope`'s. Here it is decided which KMS is asked (AWS, a lab that is
served, or one in a directory), where a result goes and what is said about it. Several files are
several messages, each with its own data key; what goes wrong with one does not stop the others.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from kmslab import envelope
from kmslab.envelope import contexts
from kmslab.envelope.kms_keys import parse_key_arn

DONE, DOES_NOT_OPEN, CANNOT = 0, 1, 255
STANDARD = "-"
_ENCRYPTED, _DECRYPTED = ".encrypted", ".decrypted"

Clients = Callable[[str | None], Any]


class Kms(NamedTuple):
    """Which KMS: of the lab in the directory `state`, or as boto3 finds it."""

    state: Path | None = None
    profile: str | None = None
    region: str | None = None


class Places(NamedTuple):
    """Where from and where to. `output` is None for a name made from that of the file."""

    files: tuple[str, ...]
    output: str | None = None
    replace: bool = False
    flush: bool = True


class Contents(NamedTuple):
    """How messages are written."""

    context: dict[str, str]
    required: tuple[str, ...]
    suite: envelope.Suite
    frame_length: int


def encrypt(kms: Kms, key_ids: Sequence[str], places: Places, contents: Contents) -> int:
    """Encrypt each file for all keys, and give the exit code. Raises ValueError for misuse."""
    # Misuse is refused once, and not for each file.
    contexts.split(contexts.checked_context(contents.context), contents.required)
    with _clients(kms) as client:
        options: dict[str, Any] = {
            "keys": _named_keys(client, key_ids),
            "encryption_context": contents.context,
            "required": contents.required,
            "suite": contents.suite,
            "frame_length": contents.frame_length,
        }
        work = _Work(
            places,
            partial(envelope.encrypt_file, **options),
            partial(envelope.encrypt_stream, **options),
        )
        return work.run(lambda name: name + _ENCRYPTED)


def decrypt(
    kms: Kms, opening: "Opening", places: Places, context: dict[str, str], frame_limit: int | None
) -> int:
    """Open each file, and give the exit code. Raises ValueError for misuse."""
    contexts.serialize(context)
    with _clients(kms) as client:
        options: dict[str, Any] = {
            "keys": opening.keys(client),
            "encryption_context": context,
            "limits": _limits(frame_limit),
        }
        work = _Work(
            places,
            partial(envelope.decrypt_file, **options),
            partial(envelope.decrypt_stream, **options),
        )
        return work.run(_without_suffix)


def rewrap(
    kms: Kms,
    opening: "Opening",
    key_ids: Sequence[str],
    places: Places,
    context: dict[str, str],
) -> int:
    """Give each message other keys, in its place where `places.output` is None, and give the exit
    code. Raises ValueError for misuse."""
    contexts.serialize(context)
    with _clients(kms) as client:
        options: dict[str, Any] = {
            "old_keys": opening.keys(client),
            "new_keys": _named_keys(client, key_ids),
            "encryption_context": context,
        }
        work = _Work(
            places,
            partial(envelope.rewrap_file, **options),
            partial(envelope.rewrap_stream, **options),
        )
        return work.run(lambda name: name)


class Opening(NamedTuple):
    """What may open a message: these keys, or any that it names, of these accounts."""

    key_ids: tuple[str, ...]
    accounts: tuple[str, ...] = ()

    def keys(self, client: Clients) -> envelope.WrappingKeys:
        if self.key_ids:
            return _named_keys(client, self.key_ids)
        return envelope.KmsDiscovery(client(None), self.accounts)


class _Work:
    """One command over its files."""

    def __init__(
        self, places: Places, on_files: Callable[..., object], on_streams: Callable[..., object]
    ) -> None:
        if len(places.files) > 1 and not _is_directory(places.output):
            if places.output is not None:
                raise ValueError(f"for several files --output is a directory: {places.output!r}")
            if STANDARD in places.files:
                raise ValueError("standard input comes alone")
        self._places = places
        self._on_files = on_files
        self._on_streams = on_streams

    def run(self, renamed: Callable[[str], str]) -> int:
        return max(self._one(file, self._target(file, renamed)) for file in self._places.files)

    def _target(self, file: str, renamed: Callable[[str], str]) -> str:
        output = self._places.output
        if output is None:
            return STANDARD if file == STANDARD else renamed(file)
        if _is_directory(output) and file != STANDARD:
            return str(Path(output) / Path(renamed(file)).name)
        return output

    def _one(self, file: str, target: str) -> int:
        try:
            self._convert(file, target)
        except (envelope.EnvelopeError, ValueError) as refusal:
            return _told(file, refusal, DOES_NOT_OPEN)
        except (OSError, ClientError, BotoCoreError) as problem:
            return _told(file, problem, CANNOT)
        return DONE

    def _convert(self, file: str, target: str) -> None:
        settings = {"replace": self._places.replace, "flush": self._places.flush}
        with _progress(file) as progress:
            if STANDARD not in (file, target):
                self._on_files(file, target, progress=progress, **settings)
                return
            with ExitStack() as opened:
                reading = opened.enter_context(_reading(file))
                writing = opened.enter_context(_writing(target, settings))
                self._on_streams(reading, writing, progress=progress)


@contextmanager
def _clients(kms: Kms) -> Iterator[Clients]:
    """A function that gives the KMS client of a Region. The lab is closed in the end."""
    if kms.state is None:
        # boto3 would make the same client of this session, and takes longer to import.
        session = botocore.session.Session(profile=kms.profile)
        yield cache(lambda region: session.create_client("kms", region or kms.region))
        return
    if not kms.state.is_dir():
        raise ValueError(f"no lab is kept in {str(kms.state)!r}")
    from kmslab.lab import DEFAULT_REGION, Lab

    with Lab(path=kms.state) as lab:
        home = kms.region or DEFAULT_REGION
        yield cache(lambda region: lab.client("kms", region_name=region or home))


def _named_keys(client: Clients, key_ids: Sequence[str]) -> envelope.WrappingKeys:
    """KMS keys; one that is named by its ARN is asked for in its own Region."""
    keys = []
    for key_id in key_ids:
        arn = parse_key_arn(key_id)
        keys.append(envelope.KmsKeys(client(arn.region if arn else None), key_id))
    return keys[0] if len(keys) == 1 else envelope.AnyOf(*keys)


def _limits(frame_limit: int | None) -> envelope.Limits:
    return envelope.Limits() if frame_limit is None else envelope.Limits(frame_length=frame_limit)


def _without_suffix(name: str) -> str:
    return name.removesuffix(_ENCRYPTED) if name.endswith(_ENCRYPTED) else name + _DECRYPTED


def _is_directory(output: str | None) -> bool:
    return output is not None and output != STANDARD and Path(output).is_dir()


@contextmanager
def _reading(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with open(file, "rb", buffering=0) as opened:
        yield opened


@contextmanager
def _writing(target: str, settings: dict[str, bool]) -> Iterator[BinaryIO]:
    if target != STANDARD:
        with envelope.new_file(target, **settings) as opened:
            yield opened
        return
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _progress(file: str) -> Iterator[Callable[[int], object] | None]:
    """A bar on a terminal, where tqdm is installed; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield None
        return
    size = None if file == STANDARD else Path(file).stat().st_size
    with tqdm(total=size, desc=Path(file).name, unit="B", unit_scale=True, leave=False) as bar:
        yield bar.update


def _told(file: str, problem: Exception, code: int) -> int:
    print(f"kmslab: {file}: {problem}", file=sys.stderr)
    return code
