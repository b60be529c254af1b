"""The widgets under a learner's hands: real keys pressed in a real browser, and what it says."""

import re
from itertools import pairwise

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
# JupyterLab attaches cells below the fold late.
SHOW_THE_CELL = """words => {
    const content = window.jupyterapp.shell.currentWidget.content;
    const cells = [...content.model.cells].map(cell => cell.sharedModel.source);
    return content.scrollToItem(cells.findIndex(source => source.includes(words)), 'start');
}"""
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


@BOTH_SIZES
def test_the_timeline_of_notebook_05_is_moved_with_the_keyboard(open_notebook, size):
    with open_notebook("05_grants.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "timeline = grant_timeline")
        handle = page.locator(".kmslab").get_by_role("slider")
        title = page.locator(".kmslab-title", has_text=re.compile("^Minute"))
        expect(title).to_have_text("Minute 14")
        handle.focus()
        assert "rgb(0, 114, 178) solid 3px" in handle.evaluate(OUTLINE)
        page.keyboard.press("Home")
        expect(title).to_have_text("Minute −2")
        expect(page.get_by_text("there is no token to show")).to_be_visible()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        expect(title).to_have_text("Minute 3")
        expect(page.get_by_text("without token: ✗ denied")).to_be_visible()
        expect(page.get_by_text("with token: ✓ allowed")).to_be_visible()
        expect(page.get_by_text("it has not spread through KMS yet")).to_be_visible()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(title).to_have_text("Minute 5: spread")
        expect(page.get_by_text("without token: ✓ allowed")).to_be_visible()
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_the_console_of_notebook_06_is_worked_with_the_keyboard(open_notebook, size):
    with open_notebook("06_life_of_a_key.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "console = key_console")
        console = page.locator(".kmslab", has=page.locator(".kmslab-keys"))
        outcome = console.locator(".kmslab-box b")
        expect(outcome).to_have_text("✗ Encrypt: KMSInvalidStateException")
        expect(console.locator(".kmslab-keys tr")).to_have_count(3)
        create, cancel = (
            console.get_by_role("button", name=name) for name in ("Create a key", "Cancel deletion")
        )
        create.focus()
        assert "rgb(0, 114, 178) solid 3px" in create.evaluate(OUTLINE)
        cancel.focus()
        page.keyboard.press("Enter")
        expect(outcome).to_have_text("✓ Cancel deletion: ok")
        selected = console.locator(".kmslab-keys .kmslab-selected")
        expect(selected).to_contain_text("○ Disabled")
        create.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(outcome).to_have_text("✗ Encrypt: DisabledException")
        expect(console.get_by_text("is disabled.")).to_be_visible()
        create.focus()
        page.keyboard.press("Space")
        expect(outcome).to_have_text("✓ Create a key: ok")
        expect(console.locator(".kmslab-keys tr")).to_have_count(4)
        expect(selected).to_contain_text("● Enabled")
        console.get_by_role("button", name="Delete in 7 days").press("Enter")
        expect(selected).to_contain_text("◐ PendingDeletion")
        console.get_by_role("button", name="+7 days").press("Space")
        expect(console.get_by_text("DeleteKey by AWS Internal: ok")).to_be_visible()
        expect(selected).to_contain_text("✗ gone")
        first = console.locator(".widget-toggle-buttons button").first
        first.focus()
        page.keyboard.press("Space")
        expect(selected).to_contain_text("● Enabled")
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_the_requests_of_notebook_09_are_looked_through_with_the_keyboard(open_notebook, size):
    with open_notebook("09_s3_encryption.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "sequence = s3_sequence")
        handle = page.locator(".kmslab").get_by_role("slider")
        title = page.locator(".kmslab-title", has_text=re.compile("^Request"))
        handle.focus()
        assert "rgb(0, 114, 178) solid 3px" in handle.evaluate(OUTLINE)
        page.keyboard.press("Home")
        expect(title).to_have_text("Request 1 of 10: PutObject by user/administrator: ok")
        expect(page.locator(".kmslab svg text", has_text="KMS is not asked")).to_be_visible()
        expect(page.locator(".kmslab svg polygon")).to_have_count(2)
        for _ in range(7):
            page.keyboard.press("ArrowRight")
        expect(title).to_have_text("Request 8 of 10: GetObject by user/eva: AccessDenied")
        drawing = page.get_by_role("img", name=re.compile("^Sequence diagram. GetObject by"))
        expect(drawing).to_be_visible()
        expect(drawing.locator("polygon")).to_have_count(5)
        expect(page.locator(".kmslab-steps li").nth(3)).to_contain_text("KMS → S3: ✗ AccessDenied")
        drawing.scroll_into_view_if_needed()
        assert texts_outside(drawing) == []
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_the_way_of_a_log_file_in_notebook_10_is_walked_with_the_keyboard(open_notebook, size):
    with open_notebook("10_cloudtrail_encrypted.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "sequence = trail_sequence")
        handle = page.locator(".kmslab").get_by_role("slider")
        title = page.locator(".kmslab-title", has_text=re.compile("^Moment"))
        handle.focus()
        assert "rgb(0, 114, 178) solid 3px" in handle.evaluate(OUTLINE)
        page.keyboard.press("Home")
        expect(title).to_have_text(re.compile("^Moment 1 of 5: UpdateTrail .*PolicyException$"))
        for number, (words, arrows) in enumerate(
            [
                ("UpdateTrail by user/administrator: ok", 8),
                ("PutObject by cloudtrail.amazonaws.com: ok", 5),
                ("GetObject by user/administrator: ok", 6),
                ("GetObject by user/bob: AccessDenied", 5),
            ],
            start=2,
        ):
            page.keyboard.press("ArrowRight")
            expect(title).to_have_text(f"Moment {number} of 5: {words}")
            drawing = page.get_by_role("img", name=f"Sequence diagram. {words}")
            expect(drawing.locator("polygon")).to_have_count(arrows)
            drawing.scroll_into_view_if_needed()
            assert texts_outside(drawing) == []
        expect(page.locator(".kmslab-steps li").nth(3)).to_contain_text("KMS → S3: ✗ AccessDenied")
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_the_calls_of_notebook_11_are_looked_through_with_the_keyboard(open_notebook, size):
    with open_notebook("11_audit_trail.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "explorer = audit_explorer")
        title = page.locator(".kmslab-title", has_text=re.compile("calls"))
        lines = page.locator(".kmslab-grid tbody tr")
        who = page.get_by_label("who", exact=True)
        who.focus()
        assert "rgb(0, 114, 178) solid 3px" in who.evaluate(OUTLINE)
        page.keyboard.type("eve")
        expect(title).to_have_text("0 of 72 calls")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_label("operation", exact=True)).to_be_focused()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.get_by_label("since", exact=True).focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        expect(title).to_have_text("1 of 72 calls")
        expect(lines).to_have_count(1)
        expect(lines.first).to_contain_text("user/evekms:Decryptsalaries/2025-12denied")
        ok = page.locator(".kmslab").get_by_role("button", name="ok", exact=True)
        ok.focus()
        page.keyboard.press("Space")
        expect(title).to_have_text("0 of 72 calls")
        who.focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        expect(title).to_have_text("52 of 72 calls, shown: 1 to 12")
        later = page.get_by_role("button", name="Later calls")
        later.focus()
        page.keyboard.press("Enter")
        expect(title).to_have_text("52 of 72 calls, shown: 13 to 24")
        title.scroll_into_view_if_needed()
        nothing_went_wrong(notebook)


@BOTH_SIZES
def test_own_sizes_are_measured_in_notebook_14_with_the_keyboard(open_notebook, size):
    with open_notebook("14_encrypt_path_timed.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "bench = size_bench")
        sizes = page.get_by_label("Sizes")
        bench = page.locator(".kmslab", has=sizes)
        measure = bench.get_by_role("button", name="Measure")
        sizes.focus()
        assert "rgb(0, 114, 178) solid 3px" in sizes.evaluate(OUTLINE)
        sizes.fill("7, 2 KiB")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(bench.get_by_text("Measured 7 B, 2 KiB.")).to_be_visible()
        expect(bench.locator("tbody tr")).to_have_count(2)
        expect(bench.locator("tbody tr").nth(1)).to_contain_text("2 KiB")
        sizes.fill("2 TiB")
        measure.focus()
        page.keyboard.press("Enter")
        expect(bench.get_by_text("Nothing was measured: a size is a number")).to_be_visible()
        nothing_went_wrong(notebook)


def texts_outside(drawing):
    """The words that stand out of their drawing, or on other words of it."""
    frame = drawing.bounding_box()
    texts = drawing.locator("text")
    boxes = [
        (texts.nth(n).text_content(), texts.nth(n).bounding_box()) for n in range(texts.count())
    ]
    right = frame["x"] + frame["width"]
    outside = [words for words, box in boxes if box["x"] + box["width"] > right + 1]
    covered = [
        words
        for (words, box), (_, below) in pairwise(boxes[4:])
        if below["y"] < box["y"] + 0.6 * box["height"]
    ]
    return outside + covered


SELECT_PAYROLL = """editor => {
    const at = editor.value.indexOf('payroll');
    editor.setSelectionRange(at, at + 'payroll'.length);
}"""


@BOTH_SIZES
def test_a_policy_is_edited_and_asked_in_notebook_04_with_the_keyboard(open_notebook, size):
    with open_notebook("04_who_may_use_a_key.ipynb", size) as notebook:
        notebook.run_all()
        page = notebook.page
        page.evaluate(SHOW_THE_CELL, "playground = policy_playground")
        verdict = page.locator(".kmslab-box b", has_text=re.compile("^[✓✗?]"))
        expect(verdict).to_have_text("✗ denied")
        editor = page.get_by_label("Key policy")
        editor.focus()
        assert "rgb(0, 114, 178) solid 3px" in editor.evaluate(OUTLINE)
        page.keyboard.press("Control+Home")
        page.keyboard.type("[")
        expect(verdict).to_have_text("? not decided: this cannot be read yet")
        expect(page.get_by_text("Policy is not valid JSON. (line ")).to_be_visible()
        page.keyboard.press("Backspace")
        expect(verdict).to_have_text("✗ denied")
        editor.evaluate(SELECT_PAYROLL)
        page.keyboard.type("sales")
        expect(verdict).to_have_text("✓ allowed")
        expect(page.get_by_text("● Bob: allows it")).to_be_visible()
        nothing_went_wrong(notebook)

        alice, encrypt = (page.get_by_role("button", name=name) for name in ("alice", "Encrypt"))
        page.keyboard.press("Tab")
        expect(alice).to_be_focused()
        page.keyboard.press("Space")
        expect(page.get_by_text("alice asks for Decrypt with department=sales.")).to_be_visible()
        expect(verdict).to_have_text("✗ denied")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(verdict).to_have_text("✓ allowed")
        encrypt.first.focus()
        page.keyboard.press("Space")
        expect(page.get_by_text("bob asks for Encrypt with department=sales.")).to_be_visible()
        page.get_by_label("encryption context").focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("department")
        expect(page.get_by_text("“department” is not name=value")).to_be_visible()
        page.keyboard.type("=payroll")
        expect(verdict).to_have_text("✗ denied")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_text("with department=payroll through S3.")).to_be_visible()
        nothing_went_wrong(notebook)
