"""The gate itself, tried on a small notebook: what it lets through and what it refuses."""

import copy

import pytest
from made_notebooks import NAME, never_run, run_strict_nbval, with_one_number_changed

from kmslab.learn import form


def test_a_freshly_built_notebook_passes_strict_nbval(built, tmp_path):
    result = run_strict_nbval({NAME: built}, tmp_path)
    assert result.returncode == 0, result.stdout
    assert "4 passed" in result.stdout


def test_one_changed_number_fails(built, tmp_path):
    result = run_strict_nbval({NAME: with_one_number_changed(built)}, tmp_path)
    assert result.returncode == 1
    assert "Cell outputs differ" in result.stdout
    assert "1 failed, 3 passed" in result.stdout


def test_a_notebook_that_was_never_run_fails_though_nbval_would_pass_it(built, tmp_path):
    result = run_strict_nbval({NAME: never_run(built)}, tmp_path)
    assert result.returncode == 1
    assert "was never run, so nothing would be compared" in result.stdout


def test_lax_mode_is_refused(built, tmp_path):
    result = run_strict_nbval({NAME: built}, tmp_path, ["--nbval-lax"])
    assert result.returncode == 4
    assert "--nbval-lax compares nothing" in result.stderr


def test_a_cell_that_opts_out_fails(built, tmp_path):
    form.code_cells(built)[0]["metadata"]["tags"] = ["nbval-ignore-output"]
    result = run_strict_nbval({NAME: built}, tmp_path)
    assert result.returncode == 1
    assert "opts out of the comparison: nbval-ignore-output" in result.stdout


def test_the_small_notebook_has_no_problem(built):
    assert list(form.problems(built)) == []


@pytest.mark.parametrize(
    ("tags", "reason", "refusal"),
    [
        ([], "", None),
        (["claim:C01"], "", None),
        (["nbval-skip"], "", "opts out"),
        (["raises-exception"], "", "opts out"),
        (["nbval-check-output"], "", "opts out"),
        (["live-timing", "nbval-ignore-output"], "the network", None),
        (["live-timing", "nbval-ignore-output"], " ", "does not say"),
        (["live-timing"], "the network", "must be tagged nbval-ignore-output"),
        (["live-timing", "nbval-ignore-output", "nbval-skip"], "it", "nothing else"),
    ],
)
def test_only_a_live_timing_with_a_reason_may_opt_out(built, tags, reason, refusal):
    cell = form.code_cells(built)[0]
    cell["metadata"] = {"tags": tags, "reason": reason}
    answer = form.opted_out(cell)
    assert answer is None if refusal is None else refusal in answer


def test_a_comment_cannot_opt_out_even_in_a_live_timing(built):
    live = form.code_cells(built)[2]
    live["source"] = "# NBVAL_SKIP\n" + live["source"]
    assert "in a comment" in form.opted_out(live)


def _second_count(notebook):
    form.code_cells(notebook)[1]["execution_count"] = 7


def _unrun(notebook):
    form.code_cells(notebook)[1]["execution_count"] = None


def _error(notebook):
    error = {"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": []}
    form.code_cells(notebook)[1]["outputs"] = [error]


def _widget_state(notebook):
    notebook["metadata"]["widgets"] = {}


def _times(notebook):
    notebook["cells"][2]["metadata"]["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}


def _long(notebook):
    form.code_cells(notebook)[0]["source"] = "1\n" * 21


def _heavy(notebook):
    notebook["cells"][1]["source"] = "x" * 210_000


def _heavy_png(notebook):
    outputs = form.code_cells(notebook)[0]["outputs"]
    outputs.append(_image("A" * 60_000))


def _image_alone(notebook):
    last = form.code_cells(notebook)[-1]
    last["outputs"] = [_image("AAAA")]


def _image(encoded):
    bundle = {"image/png": encoded, "text/plain": "<Figure size 400x220>"}
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_second_count, "not run top to bottom"),
        (_unrun, "never run"),
        (_error, "stores an error: KeyError"),
        (_widget_state, "widget state"),
        (_times, "times of its execution"),
        (_long, "has 21 lines"),
        (_heavy, "more than 200000"),
        (_heavy_png, "PNG of 45000 bytes"),
        (_image_alone, "image with no compared text"),
    ],
)
def test_each_broken_rule_is_named(built, spoil, words):
    spoil(built)
    assert any(words in problem for problem in form.problems(built))


def test_an_image_is_evidence_when_the_next_cell_says_the_same_in_words(built):
    cells = form.code_cells(built)
    cells[0]["outputs"] = [_image("AAAA")]
    assert list(form.problems(built)) == []


def test_a_claim_counts_only_on_a_cell_whose_words_are_compared(built):
    assert form.claims(built) == {"C01"}
    silent, live = copy.deepcopy(built), copy.deepcopy(built)
    form.code_cells(silent)[0]["outputs"] = []
    form.code_cells(live)[2]["metadata"]["tags"].append("claim:C02")
    assert form.claims(silent) == set()
    assert form.claims(live) == {"C01"}
