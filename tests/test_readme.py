"""The README keeps its promises: the example runs, the names it drops exist."""

import re
import subprocess
import sys

from kmslab import project

README = (project.FOLDER / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_stands_within_the_first_25_lines_and_has_at_most_ten():
    lines = README.splitlines()
    assert lines.index("```python") + len(EXAMPLE[1].splitlines()) < 25
    assert len(EXAMPLE[1].splitlines()) <= 10


def test_the_example_runs_and_prints_the_secret_its_event_and_the_decision():
    ran = subprocess.run([sys.executable, "-c", EXAMPLE[1]], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    secret, event, verdict, *statements = ran.stdout.splitlines()
    assert secret == "b'secret'"
    assert event.startswith("Decrypt {")
    assert "'department': 'payroll'" in event
    assert verdict.startswith("allowed: ")
    assert "AdministratorAccess, statement 1: allows it" in statements[-1]


def test_the_example_of_an_envelope_runs_and_has_at_most_six_lines():
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len([line for line in example.splitlines() if line]) <= 6
    ran = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "b'Dear reader'\n", "")


def test_every_file_that_the_readme_names_exists():
    code_names = re.findall(r"`([\w/]+\.py)`", README)
    missing = [name for name in code_names if not (project.FOLDER / "kmslab" / name).exists()]
    links = re.findall(r"\]\(([\w/.]+)\)", README)
    missing += [link for link in links if not (project.FOLDER / link).exists()]
    assert code_names
    assert links
    assert missing == []


def test_the_number_of_operations_it_tells_is_the_number_built():
    from kmslab.services.kms import find_operation
    from kmslab.wire.model import service_schema

    told = int(re.search(r"(\d+) KMS operations", README)[1])
    names = service_schema("kms").operation_names
    assert told == sum(find_operation(name) is not None for name in names)
