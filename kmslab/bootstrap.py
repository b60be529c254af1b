"""Make sure that a command has what it needs, then run it.

Standard library only. Where distributions are missing it makes `.venv` in the project folder,
installs into it and runs the same command again there; an environment that somebody else made is
used when it has everything, and never changed. It knows which command needs which extras and
nothing of what the commands do.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from kmslab import child, doctor, project

VENV = project.FOLDER / ".venv"
STAMP = VENV / "kmslab-installed.json"
RUN_AGAIN = "KMSLAB_RUN_AGAIN"

LEARNING = ("notebooks", "server")
TESTING = ("notebooks", "server", "test")
EXTRAS_OF = {
    "lab": LEARNING,
    "test": TESTING,
    "build": TESTING,
    "serve": ("server",),
    "bench": (*TESTING, "bench"),
}

WITHOUT_COMMAND = """kmslab: its packages are not installed yet. Say which command you want:
  python -m kmslab lab      open the notebooks (installs what is missing, once)
  python -m kmslab test     run every test
  python -m kmslab serve    answer the AWS CLI and SDKs over HTTP
  python -m kmslab doctor   what is installed, what is missing, what to do"""

NO_VENV = """kmslab: Python could not make an environment in the folder .venv.
  On Debian and Ubuntu: apt install python3-venv   and run this again.
  With conda:           conda env create -f environment.yml && conda activate kmslab
  With uv:              uv venv --seed .venv       and run this again."""

NO_PACKAGES = """kmslab: pip could not install the packages; its own words are above.
  Without an internet connection: run this again when there is one.
  Behind a company proxy: set HTTPS_PROXY, or point pip to your own index, and run this again.
  If the folder .venv seems broken: delete it and run this again."""


def main(arguments: Sequence[str]) -> int:
    """Run `kmslab <arguments>` where its needs are met, and return the exit code."""
    ran_before = os.environ.pop(RUN_AGAIN, None) is not None
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command == "doctor":
        return _examine(arguments, ran_before)
    extras = EXTRAS_OF.get(command or "", ())
    if not project.is_checkout() or _ready_here(extras):
        return _run_here(arguments)
    if command is None and not _venv_works():
        print(WITHOUT_COMMAND)
        return 2
    if ran_before:
        names = ", ".join(str(wanted) for wanted in project.unmet(extras))
        _say(f"still missing after the installation: {names or 'a fresh install stamp'}")
        _say("delete the folder .venv and run this again.")
        return 1
    return _prepare_venv(extras) or _run_in_venv(arguments)


def _examine(arguments: Sequence[str], ran_before: bool) -> int:
    """The doctor looks at the environment that the other commands would use."""
    if not ran_before and not _inside_venv() and _venv_works() and project.unmet(LEARNING):
        return _run_in_venv(arguments)
    return doctor.main()


def _run_here(arguments: Sequence[str]) -> int:
    try:
        from kmslab.cli import main as kmslab
    except ModuleNotFoundError as missing:
        _say(f"{missing.name} is not installed; `pip install kmslab` brings it.")
        return 1
    kmslab(args=list(arguments), prog_name="python -m kmslab")
    return 0


def _ready_here(extras: Iterable[str]) -> bool:
    # In our own .venv the stamp is asked instead of the distributions: it also knows of a
    # `git pull` that changed the lists, and reading it takes a fraction of the time.
    if _inside_venv() and STAMP.is_file():
        return _stamp_is_fresh(extras)
    return not project.unmet(extras)


def _prepare_venv(extras: Iterable[str]) -> int:
    """Make .venv if it is absent or broken, install if the stamp says so; 0 when all went well."""
    if not _venv_works() and not _make_venv():
        print(NO_VENV, file=sys.stderr)
        return 1
    if _stamp_is_fresh(extras):
        return 0
    wanted = sorted({*TESTING, *extras, *_stamped_extras()})
    _say(f"installing kmslab[{','.join(wanted)}] into .venv; this takes a minute or two")
    if not _pip_install(wanted):
        print(NO_PACKAGES, file=sys.stderr)
        return 1
    STAMP.write_text(json.dumps({"lists": _digest_of_lists(), "extras": wanted}), encoding="utf-8")
    return 0


def _make_venv() -> bool:
    _say("making the folder .venv for the packages of this project (once)")
    made = subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]) == 0
    if not made:
        # Half an environment would look like a whole one to the next attempt.
        shutil.rmtree(VENV, ignore_errors=True)
    return made


def _pip_install(extras: Iterable[str]) -> bool:
    pip = [str(_venv_python()), "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        # Environments made by uv come without pip.
        subprocess.call([str(_venv_python()), "-m", "ensurepip"], stdout=subprocess.DEVNULL)
    command = [*pip, "install", "-qq", "--disable-pip-version-check"]  # errors are still shown
    command += ["-c", str(project.CONSTRAINTS), "-e", f".[{','.join(extras)}]"]
    return subprocess.call(command, cwd=project.FOLDER) == 0


def _run_in_venv(arguments: Sequence[str]) -> int:
    environment = {**os.environ, RUN_AGAIN: "1"}
    again = [str(_venv_python()), "-m", "kmslab", *arguments]
    return child.run(again, environment=environment)


def _venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _venv_works() -> bool:
    """False also for an environment whose Python was removed or is too old."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.call([str(_venv_python()), "-c", question]) == 0
    except OSError:
        return False


def _inside_venv() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _stamp() -> dict[str, object]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stamped_extras() -> set[str]:
    found = _stamp().get("extras")
    return set(found) if isinstance(found, list) else set()


def _stamp_is_fresh(extras: Iterable[str]) -> bool:
    return _stamp().get("lists") == _digest_of_lists() and set(extras) <= _stamped_extras()


def _digest_of_lists() -> str:
    lists = project.PYPROJECT.read_bytes() + project.CONSTRAINTS.read_bytes()
    return hashlib.sha256(lists).hexdigest()


def _say(words: str) -> None:
    print(f"kmslab: {words}", file=sys.stderr, flush=True)
