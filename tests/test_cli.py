"""The commands: what they start, what they refuse in plain words, and how light they are."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kmslab import cli, gate, project
from kmslab.learn import workspace

TRAIL_ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/amber"


def test_the_command_line_imports_nothing_heavy():
    heavy = "{'boto3', 'botocore', 'pandas', 'matplotlib', 'IPython', 'nbformat', 'uvicorn'}"
    question = f"import sys, kmslab.cli; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True)
    assert answer.stdout.strip() == b"[]"


def test_jupyterlab_opens_notebook_00_in_work_and_gets_further_arguments(tmp_path):
    command = workspace.jupyterlab_command(True, ["--port=9999"], tmp_path)
    assert command[:4] == [sys.executable, "-m", "jupyter", "lab"]
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command
    assert command[-2:] == ["--no-browser", "--port=9999"]


def test_lab_passes_on_arguments_and_the_exit_code(monkeypatch):
    started = []
    copies = workspace.Copies(["00_start_here.ipynb"], [], [])
    monkeypatch.setattr(workspace, "copy_notebooks", lambda *places: copies)
    monkeypatch.setattr(workspace, "open_jupyterlab", lambda *a: started.append(a) or 5)
    answer = CliRunner().invoke(cli.main, ["lab", "--no-browser", "--allow-root", "--port=1"])
    assert answer.exit_code == 5
    assert "copied to work/: 00_start_here.ipynb" in answer.output
    assert started == [(True, ("--allow-root", "--port=1"))]


@pytest.mark.parametrize(
    "command",
    ["lab", "test", "build", "bench", "reset 03", "solution 03", "release --nbgrader course"],
)
def test_a_plain_installation_is_told_to_clone(command, monkeypatch, tmp_path):
    monkeypatch.setattr(project, "PYPROJECT", tmp_path / "absent")
    answer = CliRunner().invoke(cli.main, command.split())
    assert answer.exit_code == 1
    assert "plain installation without its notebooks and tests" in answer.output
    assert "Traceback" not in answer.output


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    wanted = [project.parse_requirement("jupyterlab>=4.5")]
    monkeypatch.setattr(project, "unmet", lambda extras=(): wanted)
    answer = CliRunner().invoke(cli.main, ["lab"])
    assert answer.exit_code == 1
    assert "jupyterlab" in answer.output
    assert "`python -m kmslab lab`" in answer.output


def test_an_unknown_notebook_number_is_told_without_a_traceback():
    answer = CliRunner().invoke(cli.main, ["build", "--check", "77"])
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: no such notebook: 77; there are 00")


def test_the_gate_runs_every_step_even_after_one_failed(monkeypatch, capfd):
    commands = {"one": "raise SystemExit(3)", "two": "print('two ran')"}
    steps = [gate.Step(title, [sys.executable, "-c", code]) for title, code in commands.items()]
    steps.append(gate.Step("three", ["no-such-program-anywhere"]))
    monkeypatch.setattr(gate, "steps", lambda: steps)
    assert gate.run() == 1
    printed = capfd.readouterr().out
    assert "two ran" in printed
    assert printed.count("FAILED") == 2
    assert "FAILED (exit code 3)" in printed


def test_the_gate_passes_when_all_steps_pass(monkeypatch):
    monkeypatch.setattr(gate, "steps", lambda: [gate.Step("one", [sys.executable, "-c", ""])])
    assert gate.run() == 0


def test_with_arguments_the_unit_tests_alone_run(monkeypatch):
    ran = []
    monkeypatch.setattr(gate.child, "run", lambda command, **_: ran.append(command) or 0)
    assert CliRunner().invoke(cli.main, ["test", "-k", "clock and not slow"]).exit_code == 0
    assert len(ran) == 1
    assert ran[0][1:3] == ["-m", "pytest"]
    assert ran[0][-2:] == ["-k", "clock and not slow"]


def test_the_gate_checks_format_lint_types_floors_tests_and_notebooks_in_this_order():
    titles = [step.title for step in gate.steps()]
    assert titles[:5] == ["format", "lint", "types", "floors", "unit tests"]
    assert titles[5:] == ["notebooks, strictly", "notebooks, rebuilt and compared"]
    assert all("--nbval-lax" not in step.command for step in gate.steps())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "Missing option '--trail-arn'"),
        ("--trail-arn amber --start-time 2026-01-05", "not the ARN of a trail: 'amber'"),
        (f"--trail-arn {TRAIL_ARN} --start-time 5.1.", "not a time such as"),
    ],
)
def test_a_trail_is_verified_anywhere_and_misuse_is_told_in_words(
    arguments, words, monkeypatch, tmp_path
):
    monkeypatch.setattr(project, "PYPROJECT", tmp_path / "absent")
    answer = CliRunner().invoke(cli.main, ["verify-trail", *arguments.split()])
    assert answer.exit_code == 2
    assert words in answer.output


def test_without_credentials_a_trail_cannot_be_read(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    span = ("--start-time", "2026-01-05T09:00:00Z")
    answer = CliRunner().invoke(cli.main, ["verify-trail", "--trail-arn", TRAIL_ARN, *span])
    assert answer.exit_code == 255
    assert "Unable to locate credentials" in answer.output
