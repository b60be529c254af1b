"""A learner's click works: JupyterLab in a real browser runs the notebooks, offline."""

import pytest

from kmslab.learn import workspace


@pytest.mark.parametrize("size", [(1280, 900), (800, 1100)], ids=["wide", "narrow"])
def test_notebook_00_runs_from_top_to_bottom_without_leaving_the_machine(open_notebook, size):
    with open_notebook(workspace.FIRST, size) as notebook:
        cells = notebook.run_all()
        assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell["outputs"]]
        assert [out["ename"] for out in outputs if out["output_type"] == "error"] == []
        assert notebook.console_errors == []
        assert notebook.foreign_requests == []
