"""`python -m kmslab` decides what to install, does it once, and runs the command again there."""

import shutil
import subprocess
import sys

import pytest

from kmslab import bootstrap, child, doctor, project


class Machine:
    """A machine on which nothing is installed and every installation is only written down."""

    def __init__(self, folder, monkeypatch):
        self.installed, self.ran, self.missing = [], [], ["jupyterlab"]
        self.venv_can_be_made, self.pip_works, self.works = True, True, False
        (folder / "pyproject.toml").write_text("[project]")
        (folder / "constraints.txt").write_text("click==8.5.1\n")
        self.venv = folder / ".venv"
        for name, value in {
            "FOLDER": folder,
            "PYPROJECT": folder / "pyproject.toml",
            "CONSTRAINTS": folder / "constraints.txt",
            "unmet": lambda extras=(): list(self.missing),
        }.items():
            monkeypatch.setattr(project, name, value)
        monkeypatch.setattr(bootstrap, "VENV", self.venv)
        monkeypatch.setattr(bootstrap, "STAMP", self.venv / "stamp.json")
        monkeypatch.setattr(bootstrap, "_venv_works", lambda: self.works)
        monkeypatch.setattr(bootstrap, "_pip_install", self._install)
        monkeypatch.setattr(bootstrap, "_run_here", lambda arguments: "ran here")
        monkeypatch.setattr(subprocess, "call", self._make_venv)
        monkeypatch.setattr(child, "run", self._run)
        monkeypatch.delenv(bootstrap.RUN_AGAIN, raising=False)

    def _make_venv(self, command, **_):
        assert command[1:4] == ["-m", "venv", "--clear"]
        self.venv.mkdir(exist_ok=True)
        self.works = self.venv_can_be_made
        return 0 if self.venv_can_be_made else 1

    def _install(self, extras):
        self.installed.append(list(extras))
        return self.pip_works

    def _run(self, command, *, environment):
        assert environment[bootstrap.RUN_AGAIN] == "1"
        self.ran.append(command[3:])
        return 23


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


def test_what_is_missing_is_installed_once_and_the_exit_code_is_passed_on(machine, capsys):
    assert bootstrap.main(["lab", "--no-browser"]) == 23
    assert bootstrap.main(["lab"]) == 23
    assert machine.installed == [["notebooks", "server", "test"]]
    assert machine.ran == [["lab", "--no-browser"], ["lab"]]
    assert capsys.readouterr().err.count("making the folder .venv") == 1


def test_with_everything_there_nothing_is_made(machine):
    machine.missing = []
    assert bootstrap.main(["test", "-k", "x"]) == "ran here"
    assert machine.installed == []
    assert not machine.venv.exists()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_is_installed_again(machine, name):
    bootstrap.main(["lab"])
    (project.FOLDER / name).write_text("changed\n")
    bootstrap.main(["lab"])
    assert len(machine.installed) == 2


def test_a_command_that_needs_more_adds_it_and_keeps_it(machine):
    bootstrap.main(["lab"])
    bootstrap.main(["bench"])
    project.PYPROJECT.write_text("changed")
    bootstrap.main(["lab"])
    assert machine.installed[1:] == [["bench", "notebooks", "server", "test"]] * 2


def test_inside_our_own_environment_a_fresh_stamp_is_enough(machine, monkeypatch):
    bootstrap.main(["lab"])
    monkeypatch.setattr(bootstrap, "_inside_venv", lambda: True)
    assert bootstrap.main(["lab"]) == "ran here"
    project.CONSTRAINTS.write_text("click==9.0\n")
    assert bootstrap.main(["lab"]) == 23


def test_an_unreadable_stamp_counts_as_none(machine):
    bootstrap.main(["lab"])
    bootstrap.STAMP.write_text("[1, 2")
    bootstrap.main(["lab"])
    assert len(machine.installed) == 2


def test_without_venv_it_says_what_to_install_and_leaves_no_half_environment(machine, capsys):
    machine.venv_can_be_made = False
    assert bootstrap.main(["lab"]) == 1
    assert "apt install python3-venv" in capsys.readouterr().err
    assert not machine.venv.exists()
    assert machine.installed == []


def test_when_pip_fails_it_says_what_to_do_and_tries_again_next_time(machine, capsys):
    machine.pip_works = False
    assert bootstrap.main(["lab"]) == 1
    assert "pip could not install" in capsys.readouterr().err
    machine.pip_works = True
    assert bootstrap.main(["lab"]) == 23
    assert len(machine.installed) == 2


def test_it_never_runs_itself_again_twice(machine, monkeypatch, capsys):
    monkeypatch.setenv(bootstrap.RUN_AGAIN, "1")
    assert bootstrap.main(["lab"]) == 1
    assert "still missing after the installation: jupyterlab" in capsys.readouterr().err
    assert machine.ran == []


def test_a_terminal_inside_jupyterlab_does_not_inherit_the_guard(machine, monkeypatch):
    monkeypatch.setenv(bootstrap.RUN_AGAIN, "1")
    machine.missing = []
    assert bootstrap.main(["lab"]) == "ran here"
    assert bootstrap.RUN_AGAIN not in bootstrap.os.environ


def test_the_doctor_never_installs(machine, monkeypatch):
    monkeypatch.setattr(doctor, "main", lambda: 1)
    assert bootstrap.main(["doctor"]) == 1
    assert machine.installed == machine.ran == []


def test_the_doctor_looks_at_the_environment_that_commands_would_use(machine):
    machine.works = True
    assert bootstrap.main(["doctor"]) == 23
    assert machine.ran == [["doctor"]]


def test_without_a_command_it_tells_the_commands_before_it_installs_anything(machine, capsys):
    assert bootstrap.main([]) == 2
    assert "python -m kmslab lab" in capsys.readouterr().out
    assert machine.installed == []


@pytest.mark.parametrize("has_pip", [True, False])
def test_an_environment_made_without_pip_gets_one_first(monkeypatch, tmp_path, has_pip):
    called = []
    monkeypatch.setattr(project, "FOLDER", tmp_path)
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), int(not has_pip))
    )
    monkeypatch.setattr(subprocess, "call", lambda command, **_: called.append(command[2]) or 0)
    assert bootstrap._pip_install(["notebooks"])
    assert called == (["pip"] if has_pip else ["ensurepip", "pip"])


def test_a_plain_installation_without_click_is_told_in_a_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(project, "PYPROJECT", tmp_path / "absent")
    monkeypatch.setitem(sys.modules, "kmslab.cli", None)
    assert bootstrap.main(["serve"]) == 1
    assert "is not installed; `pip install kmslab` brings it" in capsys.readouterr().err


def test_the_doctor_speaks_where_nothing_is_installed(tmp_path):
    source = project.FOLDER / "kmslab"
    shutil.copytree(source, tmp_path / "kmslab", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (project.PYPROJECT, project.CONSTRAINTS):
        shutil.copy(path, tmp_path)
    # -S: no site-packages, as on a fresh machine.
    answer = subprocess.run(
        [sys.executable, "-S", "-m", "kmslab", "doctor"],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1, answer.stderr
    assert "boto3>=" in answer.stdout
    assert "python -m kmslab lab" in answer.stdout
    assert "chromium is not here" in answer.stdout
