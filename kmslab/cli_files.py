"""The commands that encrypt, open and rewrap files: their options, and nothing of their work.

Only click is imported here, as in `cli`; `file_commands` does the work.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kmslab.file_commands import Kms, Opening, Places

Command = TypeVar("Command", bound=Callable[..., Any])

# `envelope.headers` has the first, and takes too long to import for a page of help. The second is
# how much AES-GCM seals under one nonce, and AWS's libraries put into a message of one block.
LONGEST_FRAME, _LONGEST_BLOCK = 2**31 - 1, 2**36 - 32

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE...")
CONTEXT = click.option(
    "--context",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A pair of the encryption context; may be given several times.",
)


def _with_options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


# Which KMS is asked, and where a result goes: the same for encrypt, decrypt and rewrap.
KMS_OPTIONS = _with_options(
    click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="Ask the lab that is kept in this directory. By default KMS as boto3 finds it.",
    ),
    click.option("--profile", help="Of the AWS configuration."),
    click.option("--region", help="Where KMS is asked; a key ARN names its own Region."),
)
PLACE_OPTIONS = _with_options(
    click.option("--output", help="A file, a directory for several files, or - (standard output)."),
    click.option("--force", is_flag=True, help="Replace files that are there."),
    click.option("--no-flush", is_flag=True, help="Do not wait until results are on the disk."),
)
OPENING_HELP = "A key that may open it; may be given several times."
DISCOVERY = _with_options(
    click.option("--discovery", is_flag=True, help="Let any KMS key open it that it names."),
    click.option(
        "--account", "accounts", multiple=True, help="With --discovery: a key of this account."
    ),
)


@click.command("encrypt")
@FILES
@click.option(
    "--key-id", "key_ids", multiple=True, required=True, help="A KMS key; any one opens the file."
)
@CONTEXT
@click.option(
    "--require", "required", multiple=True, metavar="NAME", help="Do not store this pair."
)
@click.option(
    "--suite",
    type=click.Choice(["0x0478", "0x0578"]),
    default="0x0478",
    show_default=True,
    help="0x0578 signs as well, and costs more than all the rest.",
)
@click.option(
    "--frame-length",
    type=click.IntRange(1, LONGEST_FRAME),
    default=1024 * 1024,
    show_default=True,
    help="In bytes.",
)
@PLACE_OPTIONS
@KMS_OPTIONS
def encrypt_command(
    key_ids: tuple[str, ...],
    pairs: tuple[str, ...],
    required: tuple[str, ...],
    suite: str,
    frame_length: int,
    **options: Any,
) -> None:
    """Encrypt files in the message format of the AWS Encryption SDK, as FILE.encrypted.

    FILE may be - for standard input. Exit code 0: done; 1: refused; 2: misuse; 255: something could
    not be read, written or asked.
    """
    from kmslab import envelope, file_commands

    with _command_in_words():
        contents = file_commands.Contents(
            _context_of(pairs), required, envelope.Suite(int(suite, 16)), frame_length
        )
        kms, places = _kms_and_places(**options)
        sys.exit(file_commands.encrypt(kms, key_ids, places, contents))


@click.command("decrypt")
@FILES
@click.option("--key-id", "key_ids", multiple=True, help=OPENING_HELP)
@DISCOVERY
@CONTEXT
@click.option(
    "--frame-limit",
    type=click.IntRange(1, _LONGEST_BLOCK),
    help="The longest frame that is read, in bytes.",
)
@PLACE_OPTIONS
@KMS_OPTIONS
def decrypt_command(
    key_ids: tuple[str, ...],
    discovery: bool,
    accounts: tuple[str, ...],
    pairs: tuple[str, ...],
    frame_limit: int | None,
    **options: Any,
) -> None:
    """Open messages of the AWS Encryption SDK: FILE.encrypted becomes FILE.

    Every pair of the context has to be the message's. A file appears when all of it was checked; to
    standard output go frames as they are checked, so look at the exit code. It is 0: done; 1: a
    message does not open; 2: misuse; 255: something could not be read, written or asked.
    """
    from kmslab import file_commands

    with _command_in_words():
        opening = _opening(key_ids, discovery, accounts, "--key-id")
        kms, places = _kms_and_places(**options)
        context = _context_of(pairs)
        sys.exit(file_commands.decrypt(kms, opening, places, context, frame_limit))


@click.command("rewrap")
@FILES
@click.option("--key-id", "key_ids", multiple=True, required=True, help="A new KMS key.")
@click.option("--from-key-id", "old_key_ids", multiple=True, help=OPENING_HELP)
@DISCOVERY
@click.option("--in-place", is_flag=True, help="Replace FILE by its rewrapped self.")
@CONTEXT
@PLACE_OPTIONS
@KMS_OPTIONS
def rewrap_command(
    key_ids: tuple[str, ...],
    old_key_ids: tuple[str, ...],
    discovery: bool,
    accounts: tuple[str, ...],
    in_place: bool,
    pairs: tuple[str, ...],
    **options: Any,
) -> None:
    """Give messages other KMS keys; their payload stays as it is, byte for byte.

    Do not keep the old message beside the new one: whoever has both headers can change the payload
    of either unnoticed, though not read it. Signed messages (suite 0x0578) are refused. Exit codes
    are those of decrypt.
    """
    from kmslab import file_commands

    with _command_in_words():
        if in_place == bool(options["output"]):
            raise ValueError("say where to: either --in-place or --output")
        opening = _opening(old_key_ids, discovery, accounts, "--from-key-id")
        kms, places = _kms_and_places(**options)
        places = places._replace(replace=places.replace or in_place)
        sys.exit(file_commands.rewrap(kms, opening, key_ids, places, _context_of(pairs)))


def _context_of(pairs: tuple[str, ...]) -> dict[str, str]:
    context: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in context:
            raise ValueError(f"--context takes NAME=VALUE, each name once, and not {pair!r}")
        context[name] = value
    return context


def _opening(
    key_ids: tuple[str, ...], discovery: bool, accounts: tuple[str, ...], option: str
) -> "Opening":
    from kmslab.file_commands import Opening

    if discovery == bool(key_ids) or (accounts and not discovery):
        raise ValueError(f"say what may open it: {option}, or --discovery, best with --account")
    return Opening(key_ids, accounts)


def _kms_and_places(
    files: tuple[str, ...],
    output: str | None,
    force: bool,
    no_flush: bool,
    state: Path | None,
    profile: str | None,
    region: str | None,
) -> "tuple[Kms, Places]":
    from kmslab.file_commands import Kms, Places

    return Kms(state, profile, region), Places(files, output, force, not no_flush)


@contextmanager
def _command_in_words() -> Iterator[None]:
    """Misuse ends with exit code 2, a KMS that cannot be asked with 255."""
    from botocore.exceptions import BotoCoreError

    from kmslab.errors import StateError
    from kmslab.file_commands import CANNOT

    try:
        yield
    except ValueError as misuse:
        raise click.UsageError(str(misuse)) from misuse
    except (BotoCoreError, StateError) as problem:
        click.echo(f"kmslab: {problem}", err=True)
        sys.exit(CANNOT)
