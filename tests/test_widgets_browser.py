"""The widgets under a learner's hands: real keys pressed in a real browser, and what it says."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from kmslab.learn import build

NAME = "made_widgets.ipynb"
SOURCES = [
    "from kmslab.learn import classroom_lab, context_explorer, envelope_stepper\n"
    "lab = classroom_lab('widgets')\n"
    "kms = lab.client('kms')\n"
    "key_id = kms.create_key()['KeyMetadata']['KeyId']",
    "stepper = envelope_stepper(lab, kms, key_id, b'Dear Ada, the contract is signed.')\nstepper",
    "explorer = context_explorer(lab, kms, key_id)\nexplorer",
    "bob = lab.client('kms', lab.user('bob'))\n"
    "refused = envelope_stepper(lab, bob, key_id, b'Dear Ada, the contract is signed.')\n"
    "refused.press()\nrefused",
]
OUTLINE = "element => getComputedStyle(element).outline"
TOO_WIDE = """() => [...document.querySelectorAll('.kmslab')]
    .filter(widget => widget.scrollWidth > widget.clientWidth).map(widget => widget.innerText)"""
BOTH_SIZES = pytest.mark.parametrize("size", [(1280, 900), (800, 1100)], ids=["wide", "narrow"])


@pytest.fixture
def made_notebook(lab_server):
    """A notebook with both widgets and a refusal, among the copies that the server serves."""
    cells = [new_code_cell(source) for source in SOURCES]
    made = new_notebook(cells=cells, metadata=build.NOTEBOOK_METADATA)
    path = lab_server.folder / NAME
    path.write_text(nbformat.writes(made), encoding="utf-8")
    yield NAME
    path.unlink()


def expect(locator):
    from playwright.sync_api import expect as expected

    return expected(locator)


def nothing_went_wrong(notebook):
    assert notebook.page.evaluate(TOO_WIDE) == []
    assert notebook.console_errors == []
    assert notebook.foreign_requests == []


@BOTH_SIZES
def test_the_stepper_is_walked_through_with_the_keyboard(open_notebook, made_notebook, size):
    with open_notebook(made_notebook, size) as notebook:
        notebook.run_all()
        page = notebook.page
        title = page.locator(".kmslab-title").first
        expect(title).to_have_text("Step 0 of 6: nothing done yet")
        next_step = page.get_by_role("button", name="Next step").first
        next_step.focus()
        assert "rgb(0, 114, 178) solid 3px" in next_step.evaluate(OUTLINE)
        page.keyboard.press("Enter")
        expect(title).to_have_text("Step 1 of 6: GenerateDataKey")
        page.keyboard.press("Space")
        expect(title).to_have_text("Step 2 of 6: Encrypt the document here")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Start over").first).to_be_focused()
        page.keyboard.press("Space")
        expect(title).to_have_text("Step 0 of 6: nothing done yet")
        page.keyboard.press("Shift+Tab")
        for _ in range(5):
            page.keyboard.press("Enter")
        expect(title).to_have_text("Step 5 of 6: Decrypt the data key")
        boxes = page.locator(".kmslab-boxes .kmslab-box")
        expect(boxes.nth(0)).to_contain_text("plaintext data key (new)32 bytes")
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_what_is_typed_into_the_explorer_decides_at_once(open_notebook, made_notebook, size):
    with open_notebook(made_notebook, size) as notebook:
        notebook.run_all()
        page = notebook.page
        verdict = page.locator(".kmslab-box b", has_text=re.compile("^[✓✗]")).first
        expect(verdict).to_have_text("✓ opens")
        values = page.get_by_label("value 1")
        assert values.count() == 2
        values.nth(1).focus()
        page.keyboard.press("End")
        page.keyboard.type("s")
        expect(verdict).to_have_text("✗ refused: InvalidCiphertextException")
        page.keyboard.press("Backspace")
        expect(verdict).to_have_text("✓ opens")
        page.keyboard.press("Tab")
        expect(page.get_by_label("name 2").nth(1)).to_be_focused()
        page.keyboard.type("Document")
        recorded = page.get_by_text('encryption context {"department": "payroll", "Document"')
        expect(recorded).to_be_visible()
        expect(verdict).to_have_text("✗ refused: InvalidCiphertextException")
        page.get_by_text("✗ KMS refused step 1").scroll_into_view_if_needed()
        nothing_went_wrong(notebook)
