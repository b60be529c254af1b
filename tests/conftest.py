"""What every test stands on: no way to a real AWS account, and programs that may be missing."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from kmslab import child, doctor

pytest_plugins = ["browser_session", "made_notebooks"]


def pytest_configure() -> None:
    """Before anything imports boto3: no credentials, profile, endpoint or certificate bundle."""
    clean = child.clean_environment()
    for name in set(os.environ) - set(clean):
        del os.environ[name]
    os.environ.update(clean)
    # A busy machine is slow now and then: that alone makes no test fail.
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


@pytest.fixture(scope="session")
def need_program() -> Callable[[str], str]:
    """A function that gives the path of a program; without it, CI fails and others skip."""
    return required_program


def required_program(name: str) -> str:
    found = doctor.find_program(name)
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing, and in CI nothing may be skipped", pytrace=False)
    pytest.skip(f"{name} is not installed here")
