"""Makes `pytest --nbval notebooks` as strict as it sounds.

nbval passes cells that were never run, and it lets a cell opt out of the comparison by a tag or a
comment. Both are refused here by the rules of `kmslab.learn.form`; lax mode is refused as a whole.
"""

import pytest

from kmslab.learn import form


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "nbval_lax", False):
        raise pytest.UsageError("--nbval-lax compares nothing; use --nbval")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    cell = getattr(item, "cell", None)
    if cell is None:
        return
    refused = form.never_run(cell) or form.opted_out(cell)
    if refused:
        pytest.fail(f"{item.name} {refused}", pytrace=False)
