"""A learner works on notebook 03 in a real browser: the stepper, a wrong answer, a right one."""

import json

import pytest

from kmslab.learn import workspace

NOTEBOOK = "03_envelopes.ipynb"
EXERCISE = "03-1"
STUB = "def fits(document):\n    raise NotImplementedError"
WRONG = "def fits(document):\n    return len(document) <= 4097"
RIGHT = "def fits(document):\n    return 1 <= len(document) <= 4096"
BOTH_SIZES = pytest.mark.parametrize("size", [(1280, 900), (800, 1100)], ids=["wide", "narrow"])

PLACE_OF = """tag => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .findIndex(cell => (cell.getMetadata('tags') || []).includes(tag))"""
GO_TO = """async place => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = place;
    notebook.deselectAll();
    await notebook.scrollToItem(place, 'center');
    notebook.mode = 'command';
    notebook.node.focus();
}"""
OUTPUT_AT = """place => window.jupyterapp.shell.currentWidget.content.model.cells.get(place)
    .outputs.toJSON().map(output => [].concat(output.text || '').join('')).join('')"""
# A cell that runs has no count until its last output is there.
COUNT_AT = """place => window.jupyterapp.shell.currentWidget.content.model.cells.get(place)
    .executionCount"""
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


class Learner:
    """Hands on the keyboard of one open notebook."""

    def __init__(self, notebook):
        self.page = notebook.page

    def answer(self, source):
        """Write `source` into the exercise's cell, run it, run its check, read what it says."""
        self._go_to(f"solution:{EXERCISE}")
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Shift+Enter")
        place = self._go_to(f"check:{EXERCISE}")
        before = self.page.evaluate(COUNT_AT, place)
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(
            f"([place, before]) => ![before, null].includes(({COUNT_AT})(place))",
            arg=[place, before],
        )
        return self.page.evaluate(OUTPUT_AT, place).splitlines()

    def _go_to(self, tag):
        place = self.page.evaluate(PLACE_OF, tag)
        assert place >= 0, f"no cell is tagged {tag}"
        self.page.evaluate(GO_TO, place)
        return place


@BOTH_SIZES
def test_a_learner_steps_through_an_envelope_and_solves_an_exercise(
    open_notebook, lab_server, size
):
    _start_afresh(lab_server)
    with open_notebook(NOTEBOOK, size) as notebook:
        cells = notebook.run_all()
        outputs = [output for cell in cells for output in cell["outputs"]]
        assert [out["ename"] for out in outputs if out["output_type"] == "error"] == []

        learner = Learner(notebook)
        _press_the_stepper(notebook.page)

        assert learner.answer(STUB)[0] == "not yet: there is no code yet"
        wrong = learner.answer(WRONG)
        assert wrong[0] == "not yet: a document of 4,097 bytes needs an envelope"
        assert wrong[1].startswith("hint 1 of 2: ")
        right = learner.answer(RIGHT)
        assert right == [
            "right: 4,096 bytes fit, 4,097 need an envelope, and nothing at all is refused"
        ]

        notebook.page.evaluate(SAVE)
        assert notebook.console_errors == []
        assert notebook.foreign_requests == []
    progress = json.loads((lab_server.folder / workspace.PROGRESS).read_text())
    assert EXERCISE in json.dumps(progress)


def _press_the_stepper(page):
    from playwright.sync_api import expect

    place = page.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
        .findIndex(cell => cell.sharedModel.source.includes('envelope_stepper(lab'))"""
    )
    page.evaluate(GO_TO, place)
    title = page.locator(".kmslab-title").first
    # The cells below have pressed four times already; a learner starts over.
    page.get_by_role("button", name="Start over").first.press("Enter")
    expect(title).to_have_text("Step 0 of 6: nothing done yet")
    next_step = page.get_by_role("button", name="Next step").first
    for words in ("Step 1 of 6: GenerateDataKey", "Step 2 of 6: Encrypt the document here"):
        next_step.press("Enter")
        expect(title).to_have_text(words)


def _start_afresh(lab_server):
    """Both sizes begin with a copy as it was given out, and with nothing ticked."""
    workspace.reset(NOTEBOOK[:2], work=lab_server.folder)
    (lab_server.folder / workspace.PROGRESS).unlink(missing_ok=True)
