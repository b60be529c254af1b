"""The commands of kmslab, each a few lines over the module that does the work.

Only click is imported here: `kmslab serve` must be ready in a fraction of a second, so a command
imports what it needs when it is called.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kmslab import cli_files

PASS_ON = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


@click.group()
@click.version_option(package_name="kmslab", prog_name="kmslab")
def main() -> None:
    """AWS KMS to learn from: everything is real except the data centre."""


main.add_command(cli_files.encrypt_command)
main.add_command(cli_files.decrypt_command)
main.add_command(cli_files.rewrap_command)


@main.command("lab", context_settings=PASS_ON)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab_command(no_browser: bool, arguments: tuple[str, ...]) -> None:
    """Copy the notebooks to work/ and open JupyterLab on notebook 00.

    What you changed is never overwritten. Further arguments go to JupyterLab.
    """
    from kmslab import project
    from kmslab.learn import workspace

    _need("lab", "notebooks")
    for sentence in workspace.copy_notebooks(project.NOTEBOOKS, project.WORK).sentences():
        click.echo(sentence)
    sys.exit(workspace.open_jupyterlab(no_browser, arguments))


@main.command("reset")
@click.argument("number")
def reset_command(number: str) -> None:
    """Make your copy of a notebook (such as 03) anew; the old one is kept as a backup."""
    from kmslab import project
    from kmslab.learn import workspace

    _need("reset")
    with _misuse_in_words():
        click.echo(workspace.reset(number, project.NOTEBOOKS, project.WORK))


@main.command("solution")
@click.argument("wanted", metavar="NUMBER")
def solution_command(wanted: str) -> None:
    """Show the solutions of a notebook (such as 03) or of one exercise (03-1)."""
    from kmslab import project
    from kmslab.learn import workspace

    _need("solution")
    with _misuse_in_words():
        click.echo(workspace.solutions(wanted, project.NOTEBOOKS))


@main.command("release")
@click.option(
    "--nbgrader",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The course folder of nbgrader; an empty one, or an earlier release.",
)
@click.argument("numbers", nargs=-1)
def release_command(folder: Path, numbers: tuple[str, ...]) -> None:
    """Make a class's assignments (all with exercises, or those numbered 01 03 ...)."""
    from kmslab import project
    from kmslab.learn import release

    _need("release")
    with _misuse_in_words():
        for name in release.release(numbers, folder, project.NOTEBOOKS):
            click.echo(f"released {name}")


@main.command("test", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run everything that CI runs.

    With arguments (such as -k EXPRESSION or a path) only the unit tests run, with these.
    """
    from kmslab import gate

    _need("test", "notebooks", "server", "test")
    sys.exit(gate.run(arguments))


@main.command("build", context_settings=PASS_ON)
@click.option("--check", is_flag=True, help="Change nothing; tell where a new build differs.")
@click.argument("numbers", nargs=-1)
def build_command(check: bool, numbers: tuple[str, ...]) -> None:
    """Run the canonical notebooks and store their outputs (all, or those numbered 00 03 ...)."""
    _need("build", "notebooks")
    from kmslab.learn import build

    try:
        sys.exit(build.main(numbers, check=check))
    except ValueError as misuse:
        raise click.ClickException(str(misuse)) from misuse


@main.command("bench", context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench_command(arguments: tuple[str, ...]) -> None:
    """Run the benchmarks and print their tables."""
    from kmslab import child, project

    _need("bench", "bench")
    command = [sys.executable, "-m", "benchmarks", *arguments]
    sys.exit(child.run(command, cwd=project.FOLDER, environment=child.clean_environment()))


@main.command("doctor")
def doctor_command() -> None:
    """Say what is installed, what is missing and what to do about it."""
    from kmslab import doctor

    sys.exit(doctor.main())


@main.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=4599, show_default=True, help="0 takes any free port.")
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="ACCESS_KEY:SECRET_KEY:ACCOUNT",
    help="An administrator of an account; may be given several times.",
)
@click.option("--state", type=click.Path(path_type=Path), help="A directory that keeps the lab.")
@click.option("--allow-control", is_flag=True, help="Let this machine reset and advance the lab.")
def serve_command(
    host: str, port: int, credentials: tuple[str, ...], state: Path | None, allow_control: bool
) -> None:
    """Serve a lab over HTTP, for the AWS CLI and every SDK."""
    try:
        from kmslab import serving
    except ImportError as missing:
        raise click.ClickException(
            f"`kmslab serve` needs {missing.name}. Install kmslab with its server extra, or run "
            "`python -m kmslab serve` in a clone, which installs what is missing."
        ) from None
    try:
        admitted = tuple(serving.parse_credential(text) for text in credentials)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    sys.exit(serving.run(host, port, admitted, state, allow_control))


@main.command("verify-trail")
@click.option("--trail-arn", required=True, metavar="ARN", help="The trail.")
@click.option("--start-time", required=True, metavar="TIME", help="Such as 2026-01-05T09:00:00Z.")
@click.option("--end-time", default="", metavar="TIME", help="By default the hour at CloudTrail.")
@click.option("--s3-bucket", default="", help="Where the files lie, if not where it delivers now.")
@click.option("--s3-prefix", default="", help="The trail's prefix in that bucket.")
@click.option("--account-id", default="", help="A member account of an organization's trail.")
@click.option("--region", default="", help="Look into this Region alone, not into all.")
@click.option("--endpoint-url", default="", help="Of a lab; by default AWS as boto3 finds it.")
@click.option("--verbose", is_flag=True, help="Tell of every file, not only of findings.")
def verify_trail_command(**options: Any) -> None:
    """Say whether a trail's files are what CloudTrail delivered, at AWS or in a lab.

    Exit code 0: intact; 1: findings; 2: misuse; 255: something could not be read.
    """
    from kmslab.trail_integrity import command

    try:
        sys.exit(command.run(command.Asked(**options)))
    except ValueError as misuse:
        raise click.UsageError(str(misuse)) from misuse


@contextmanager
def _misuse_in_words() -> Iterator[None]:
    """A wrong number or name ends with exit code 2, a file that cannot be written with 1."""
    try:
        yield
    except ValueError as misuse:
        raise click.UsageError(str(misuse)) from misuse
    except OSError as refused:
        raise click.ClickException(str(refused)) from refused


def _need(command: str, *extras: str) -> None:
    """Stop in plain words where the project folder or a package is missing."""
    from kmslab import project

    if not project.is_checkout() or not project.NOTEBOOKS.is_dir():
        raise click.ClickException(
            f"`kmslab {command}` works in a clone of the kmslab repository, and this is a plain "
            "installation without its notebooks and tests. Clone the repository and run "
            f"`python -m kmslab {command}` there."
        )
    missing = ", ".join(wanted.name for wanted in project.unmet(extras))
    if missing:
        raise click.ClickException(
            f"`kmslab {command}` needs what this Python has not, or in another version: {missing}. "
            f"Run `python -m kmslab {command}` in the project folder once, which installs it."
        )
