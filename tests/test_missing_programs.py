"""A missing program is skipped on a learner's machine and fails in CI."""

import sys
from pathlib import Path

import pytest
from conftest import required_program


def test_a_program_that_is_here_is_given_by_its_path(need_program):
    name = Path(sys.executable).name
    assert Path(need_program(name)).name == name


def test_outside_ci_a_missing_program_skips(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed here"):
        required_program("no-such-program")


def test_in_ci_a_missing_program_fails(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="in CI nothing may be skipped"):
        required_program("no-such-program")
