"""A worked example of an exercise, and a small notebook around it, for the tests of the kit."""

import inspect
import json
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kmslab.learn import build, classroom_lab, form
from kmslab.learn.exercises import exercise, require

NAME = "90_small.ipynb"


@exercise(
    "90-1",
    right="what you keep opens again, and is no key by itself",
    hints=(
        "GenerateDataKey returns the data key twice.",
        "One of the two may lie beside the file.",
        "Return the member CiphertextBlob.",
    ),
)
def keeps_the_encrypted_data_key(bytes_to_keep):
    kms = classroom_lab("90-1").client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kept = bytes_to_keep(kms, key_id)
    require(isinstance(kept, bytes), f"bytes are wanted, and {type(kept).__name__} came back")
    require(len(kept) != 32, "whoever finds these 32 bytes can read the file")
    opened = kms.decrypt(CiphertextBlob=kept)["Plaintext"]
    require(len(opened) == 32, f"a data key has 32 bytes, and {len(opened)} came out")


IMPORTS = """from kmslab.learn import check, classroom_lab
from kmslab.learn.exercises import exercise, require"""

GIVEN = 'key_spec = "AES_256"'

SOLUTION = '''def bytes_to_keep(kms, key_id):
    """What to keep beside a file that is encrypted under a fresh data key."""
    ### BEGIN SOLUTION
    fresh = kms.generate_data_key(KeyId=key_id, KeySpec=key_spec)
    return fresh["CiphertextBlob"]
    ### END SOLUTION
'''

STUB = '''def bytes_to_keep(kms, key_id):
    """What to keep beside a file that is encrypted under a fresh data key."""
    # your code here
    raise NotImplementedError
'''


def bytes_to_keep(kms, key_id):
    return kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")["CiphertextBlob"]


def _keeps_the_plaintext(kms, key_id):
    return kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")["Plaintext"]


def _keeps_the_whole_answer(kms, key_id):
    return kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")


def _encrypts_a_word_instead(kms, key_id):
    return kms.encrypt(KeyId=key_id, Plaintext=b"password")["CiphertextBlob"]


WRONG = {
    "90-1": [
        ("keeps the plaintext data key", _keeps_the_plaintext),
        ("keeps the whole answer", _keeps_the_whole_answer),
        ("encrypts a word instead", _encrypts_a_word_instead),
    ]
}


def exercise_notebook() -> Any:
    """Links, a heading, imports, what is given, the exercise's three cells, links; not run yet."""
    case = inspect.getsource(keeps_the_encrypted_data_key).rstrip()
    cells = [
        _tagged(new_markdown_cell("*links*"), "links"),
        new_markdown_cell("# A small notebook"),
        new_code_cell(f"{IMPORTS}\n\n\n{case}"),
        _tagged(new_code_cell(GIVEN), "given:90-1"),
        _tagged(new_markdown_cell("### 90-1 · What to keep\n\nWrite a function."), "exercise:90-1"),
        _tagged(new_code_cell(SOLUTION.rstrip()), "solution:90-1"),
        _tagged(new_code_cell('check("90-1", bytes_to_keep)'), "check:90-1", "points:3"),
        _tagged(new_markdown_cell("*links*"), "links"),
    ]
    for place, cell in enumerate(cells, start=1):
        cell["id"] = f"c{place:02}"
    return new_notebook(cells=cells, metadata=build.NOTEBOOK_METADATA)


def exercise_dictionary() -> dict[str, Any]:
    """The same notebook as it is read from a file, as if its cells had been run."""
    notebook = json.loads(nbformat.writes(exercise_notebook()))
    for count, cell in enumerate(form.code_cells(notebook), start=1):
        cell["execution_count"] = count
    said = {"output_type": "stream", "name": "stdout", "text": ["right: what you keep opens\n"]}
    form.code_cells(notebook)[-1]["outputs"] = [said]
    return notebook


def _tagged(cell: Any, *tags: str) -> Any:
    cell.metadata = nbformat.from_dict({"tags": list(tags)})
    return cell
