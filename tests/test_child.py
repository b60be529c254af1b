"""Running a program in our place: exit codes, signals and a clean environment."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kmslab import child

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_passed_on(code):
    assert child.run([sys.executable, "-c", f"raise SystemExit({code})"]) == code


@posix_only
def test_death_by_a_signal_is_told_as_a_shell_tells_it():
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert child.run([sys.executable, "-c", suicide]) == 128 + signal.SIGKILL


@posix_only
def test_ctrl_c_is_left_to_the_child():
    assert _signalled(signal.SIGINT, to_group=True) == 7


@posix_only
def test_sigterm_reaches_the_child():
    assert _signalled(signal.SIGTERM, to_group=False) == 128 + signal.SIGTERM


def test_our_own_handlers_come_back():
    before = signal.getsignal(signal.SIGINT)
    child.run([sys.executable, "-c", ""])
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_in_the_environment_leads_to_a_real_account(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_KMS"):
        monkeypatch.setenv(name, "x")
    clean = child.clean_environment()
    assert not [name for name in clean if name.startswith("AWS_")]
    assert clean["PYTHONUTF8"] == "1"


def _signalled(number, *, to_group):
    """The exit code of a parent that runs a sleeping child and gets a signal meanwhile."""
    sleeper = (
        "import sys, time\n"
        "print('ready', flush=True)\n"
        "try: time.sleep(30)\n"
        "except KeyboardInterrupt: sys.exit(7)\n"
    )
    parent = (
        "import sys; from kmslab import child\n"
        f"sys.exit(child.run([sys.executable, '-c', {sleeper!r}]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        # A terminal sends Ctrl-C to the whole group, `kill` its signal to one process.
        os.killpg(process.pid, number) if to_group else process.send_signal(number)
        return process.wait(timeout=20)
    finally:
        process.kill()
        process.stdout.close()
