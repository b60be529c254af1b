"""Exercises: what `check` says, and that every exercise of the course can be solved and failed."""

import importlib
import importlib.util
import json
import re
import zlib

import made_exercises
import pytest
from botocore.exceptions import ClientError
from made_exercises import bytes_to_keep, exercise_dictionary

from kmslab import project
from kmslab.learn import check, exercise_cells, exercises, form, progress

NOTEBOOKS = sorted(project.NOTEBOOKS.glob("*.ipynb"))
SHOWS_ONE = "`python -m kmslab solution 90-1` shows one answer."


@pytest.fixture(autouse=True)
def _fresh_kernel(monkeypatch):
    """No attempt was made before, and no tick is written."""
    exercises._attempts.clear()
    monkeypatch.delenv(progress.VARIABLE, raising=False)


@pytest.fixture
def own_exercise(monkeypatch):
    """A way to make an exercise 91-1 of a case, forgotten after the test."""
    monkeypatch.setattr(exercises, "_known", dict(exercises._known))
    return exercises.exercise("91-1", right="it is right", hints=("look again", "look there"))


# --- What `check` says -----------------------------------------------------------------------


def test_a_right_answer_is_told_what_was_shown(capsys):
    assert check("90-1", bytes_to_keep) is None
    assert capsys.readouterr().out == "right: what you keep opens again, and is no key by itself\n"


def test_a_wrong_answer_is_told_why_with_one_hint_more_each_time(capsys):
    for _ in range(4):
        check("90-1", lambda kms, key_id: b"0" * 32)
    reason = "not yet: whoever finds these 32 bytes can read the file"
    first, second, third = exercises.find("90-1").hints
    assert capsys.readouterr().out.splitlines() == [
        *(reason, f"hint 1 of 3: {first}"),
        *(reason, f"hint 2 of 3: {second}"),
        *(reason, f"hint 3 of 3: {third} {SHOWS_ONE}"),
        *(reason, f"hint 3 of 3: {third} {SHOWS_ONE}"),
    ]


def test_the_stub_is_told_that_there_is_no_code_yet_and_spends_no_hint(capsys):
    for _ in range(2):
        check("90-1", _defined(made_exercises.STUB))
    assert capsys.readouterr().out == "not yet: there is no code yet\n" * 2
    check("90-1", lambda kms, key_id: b"0" * 32)
    assert capsys.readouterr().out.splitlines()[1].startswith("hint 1 of 3: ")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("return 1 + 'a'", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
        ("raise KeyError", "KeyError"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("raise ValueError('two\\n  lines')", "ValueError: two lines"),
        ("return {}['CiphertextBlob']", "KeyError: 'CiphertextBlob'"),
    ],
)
def test_a_mistake_becomes_a_sentence_with_its_line(capsys, code, words):
    check("90-1", _defined(f"def bytes_to_keep(kms, key_id):\n    {code}\n"))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"not yet: your code stopped with {words} (line 2, in bytes_to_keep)"
    assert said[1].startswith("hint 1 of 3: ")
    assert len(said) == 2


def test_an_address_in_memory_is_left_out_and_a_long_message_is_cut(capsys):
    check("90-1", lambda kms, key_id: (_ for _ in ()).throw(ValueError(object(), "x" * 900)))
    said = capsys.readouterr().out.splitlines()[0]
    assert "(<object object>, 'xxx" in said
    assert 300 < len(said) < 400


def test_an_address_in_memory_is_left_out_of_a_reason_too(own_exercise, capsys):
    own_exercise(lambda answer: exercises.require(False, f"{answer} is no answer\n{'x' * 900}"))
    check("91-1", object())
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("not yet: <object object> is no answer xxx")
    assert 300 < len(said) < 400


def test_a_refusal_for_which_aws_gives_no_reason_says_so(capsys):
    def bytes_to_keep(kms, key_id):
        kms.decrypt(CiphertextBlob=b"no ciphertext of KMS")

    check("90-1", bytes_to_keep)
    assert capsys.readouterr().out.splitlines()[0] == (
        "not yet: your code stopped with InvalidCiphertextException: An error occurred "
        "(InvalidCiphertextException) when calling the Decrypt operation: (AWS gives no reason) "
        f"(line {bytes_to_keep.__code__.co_firstlineno + 1}, in bytes_to_keep)"
    )


def test_a_refusal_that_a_learner_made_is_told_as_well(capsys):
    check("90-1", lambda kms, key_id: (_ for _ in ()).throw(ClientError({}, "Encrypt")))
    assert "the Encrypt operation: (AWS gives no reason)" in capsys.readouterr().out


def test_a_refusal_with_a_reason_keeps_it(capsys):
    check("90-1", lambda kms, key_id: kms.describe_key(KeyId="alias/none"))
    said = capsys.readouterr().out.splitlines()[0]
    assert "NotFoundException" in said
    assert "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found." in said


def test_a_stopped_loop_is_no_traceback(own_exercise, capsys):
    def stopped(answer):
        raise KeyboardInterrupt

    own_exercise(stopped)
    check("91-1", "anything")
    assert capsys.readouterr().out.startswith("not yet: your code was stopped before it had")


def test_a_strict_check_raises_what_it_would_have_said(capsys):
    with pytest.raises(AssertionError, match=r"^not yet: whoever finds these 32 bytes"):
        check("90-1", lambda kms, key_id: b"0" * 32, strict=True)
    assert capsys.readouterr().out == ""
    check("90-1", bytes_to_keep, strict=True)
    assert capsys.readouterr().out.startswith("right: ")


def test_an_unknown_exercise_is_refused_by_name():
    for name in ("99-1", "03", "three", None):
        with pytest.raises(ValueError, match=f"there is no exercise {name!r}"):
            check(name, bytes_to_keep)


@pytest.mark.parametrize("answers", [(), (1, 2)])
def test_a_wrong_number_of_answers_is_refused(answers):
    with pytest.raises(TypeError, match=rf"90-1 is a check of \(bytes_to_keep\); {len(answers)} "):
        check("90-1", *answers)


def test_several_answers_are_given_in_order(own_exercise, capsys):
    own_exercise(lambda seal, unseal: exercises.require(seal < unseal, f"{seal} comes first"))
    check("91-1", 1, 2)
    check("91-1", 2, 1)
    expected = ["right: it is right", "not yet: 2 comes first", "hint 1 of 2: look again"]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize(
    ("name", "right", "hints", "problem"),
    [
        ("3-1", "yes", ("a", "b"), "named like 03-1, not '3-1'"),
        (31, "yes", ("a", "b"), "named like 03-1, not 31"),
        ("91-1", "yes", ("a",), r"2 to 4 hints, not \('a',\)"),
        ("91-1", "yes", tuple("abcde"), "2 to 4 hints"),
        ("91-1", "yes", "ab", "2 to 4 hints, not 'ab'"),
        ("91-1", " ", ("a", "b"), "empty words"),
        ("91-1", "yes", ("a", ""), "empty words"),
        ("90-1", "yes", ("a", "b"), "two checks are named 90-1"),
    ],
)
def test_a_badly_made_exercise_is_refused(name, right, hints, problem):
    with pytest.raises(ValueError, match=problem):
        exercises.exercise(name, right=right, hints=hints)(lambda answer: None)


# --- The cells -------------------------------------------------------------------------------


def test_an_exercise_is_found_by_its_tags():
    (found,) = exercise_cells.exercises(exercise_dictionary())
    assert (found.exercise_id, found.title, found.points) == ("90-1", "What to keep", 3)
    assert [form.cell_tags(cell) for cell in found.given] == [["given:90-1"]]
    assert exercise_cells.answer_names(found) == ["bytes_to_keep"]
    assert list(exercise_cells.problems(exercise_dictionary())) == []


def test_a_check_cell_may_import_what_it_calls():
    notebook = exercise_dictionary()
    notebook["cells"][6]["source"] = "from kmslab.learn import check\n\ncheck('90-1', answer)"
    assert exercise_cells.answer_names(exercise_cells.exercises(notebook)[0]) == ["answer"]


@pytest.mark.parametrize(
    "heading",
    [
        "## Exercise 1: What to keep",
        "### Exercise 90-1: What to keep",
        "**90-1.** What to keep",
        "What to keep",
    ],
)
def test_the_title_is_the_tasks_first_line_without_markup(heading):
    notebook = exercise_dictionary()
    notebook["cells"][4]["source"] = f"\n{heading}\n\nAnd more."
    assert exercise_cells.exercises(notebook)[0].title == "What to keep"


def test_the_stub_keeps_what_stands_outside_the_markers():
    (found,) = exercise_cells.exercises(exercise_dictionary())
    assert exercise_cells.stub_text(found.solutions[0]) == made_exercises.STUB.rstrip()
    assert "###" not in exercise_cells.solution_text(found.solutions[0])


@pytest.mark.parametrize(
    ("place", "spoil", "problem"),
    [
        (6, {"tags": []}, "no cell is tagged check:90-1"),
        (4, {"tags": []}, "no cell is tagged exercise:90-1"),
        (5, {"tags": []}, "no cell is tagged solution:90-1"),
        (2, {"tags": ["check:90-1"]}, "90-1 has 1 tasks and 2 checks, not one of each"),
        (2, {"tags": ["exercise:90-1"]}, "exercise:90-1 is a tag for markdown cells"),
        (3, {"tags": ["solution:90-1"]}, "task, solution and check in the cells [4, 3, 5, 6]"),
        (1, {"tags": ["solution:90-1"]}, "solution:90-1 is a tag for code cells; the cells are"),
        (1, {"tags": ["given:90-1"]}, "given:90-1 is a tag for code cells; the cells are [1, 3]"),
        (6, {"tags": ["check:90-1", "given:90-1"]}, "stands after the solution: cells [3, 6]"),
        (6, {"tags": ["check:90-1", "points:two"]}, "points are a number"),
        (5, {"source": "x = 1"}, "a solution stands once between"),
        (5, {"source": f"{made_exercises.SOLUTION}\n" * 2}, "a solution stands once between"),
        (6, {"source": "check('90-2', x)"}, 'a check cell is check("90-1", name_of_the_answer)'),
        (6, {"source": "check('90-1')"}, "a check cell is"),
        (6, {"source": "check('90-1', f(x))"}, "a check cell is"),
        (6, {"source": "x = 1\ncheck('90-1', x)"}, "a check cell is"),
        (6, {"source": "import check\ncheck('90-1', x)"}, "a check cell is"),
        (6, {"source": "check('90-1', x"}, "was never closed"),
    ],
)
def test_what_is_wrong_with_the_cells_is_said(place, spoil, problem):
    notebook = exercise_dictionary()
    cell = notebook["cells"][place]
    if "tags" in spoil:
        cell["metadata"] = {"tags": spoil["tags"]}
    cell["source"] = spoil.get("source", cell["source"])
    (said,) = exercise_cells.problems(notebook)
    assert said.startswith("exercise 90-1: ")
    assert problem in said


def test_an_exercise_may_have_several_solution_cells():
    notebook = exercise_dictionary()
    notebook["cells"].insert(6, {**notebook["cells"][5], "id": "c05b"})
    (found,) = exercise_cells.exercises(notebook)
    assert [cell["id"] for cell in found.solutions] == ["c06", "c05b"]
    assert form.source(exercise_cells.learner_copy(notebook)["cells"][6]) == (
        made_exercises.STUB.rstrip()
    )


def test_an_exercise_out_of_order_is_refused():
    notebook = exercise_dictionary()
    cells = notebook["cells"]
    cells[5], cells[6] = cells[6], cells[5]
    with pytest.raises(ValueError, match=r"task, solution and check in the cells \[4, 6, 5\]"):
        exercise_cells.exercises(notebook)


# --- Every exercise of the course ------------------------------------------------------------


def course():
    """Each exercise of the notebooks, and the made one, with its typical wrong answers."""
    for path in NOTEBOOKS:
        wrong = _wrong_answers(path)
        for found in exercise_cells.exercises(exercise_cells.read(path)):
            yield pytest.param(found, wrong.get(found.exercise_id, []), id=found.exercise_id)
    (made,) = exercise_cells.exercises(exercise_dictionary())
    yield pytest.param(made, made_exercises.WRONG["90-1"], id="made")


def _wrong_answers(path):
    module = f"wrong_answers.notebook_{path.name[:2]}"
    return importlib.import_module(module).WRONG if importlib.util.find_spec(module) else {}


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name[:2])
each_exercise = pytest.mark.parametrize(("found", "wrong"), list(course()))


@each_notebook
def test_the_cells_the_checks_and_the_wrong_answers_name_the_same_exercises(path):
    number = path.name[:2]
    tagged = exercise_cells.names(exercise_cells.read(path))
    assert tagged == [f"{number}-{place}" for place in range(1, len(tagged) + 1)]
    assert [each.exercise_id for each in exercises.of_notebook(number)] == tagged
    assert sorted(_wrong_answers(path)) == tagged


@each_notebook
def test_a_notebook_has_two_to_four_well_made_exercises(path):
    notebook = exercise_cells.read(path)
    assert list(exercise_cells.problems(notebook)) == []
    count = len(exercise_cells.names(notebook))
    assert 2 <= count <= 4 or (path.name.startswith("00") and count == 0)


@each_exercise
def test_the_stored_check_says_right(found, wrong):
    said = "".join(form.joined(output["text"]) for output in found.check["outputs"])
    assert said.startswith("right: ")
    assert said.count("\n") == 1


@each_exercise
def test_the_check_passes_on_the_solution_and_says_the_same_twice(found, wrong, capsys):
    answers = _answers(found, *map(form.source, found.solutions))
    for _ in range(2):
        check(found.exercise_id, *answers, strict=True)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == f"right: {exercises.find(found.exercise_id).right}"


@each_exercise
def test_the_stub_runs_and_the_check_says_that_there_is_no_code(found, wrong):
    stubs = map(exercise_cells.stub_text, found.solutions)
    with pytest.raises(AssertionError, match="not yet: there is no code yet"):
        check(found.exercise_id, *_answers(found, *stubs), strict=True)


@each_exercise
def test_at_least_three_typical_wrong_answers_are_rejected_in_words(found, wrong, capsys):
    assert len(wrong) >= 3
    assert len({words for words, *_ in wrong}) == len(wrong)
    for words, *answers in wrong:
        check(found.exercise_id, *answers)
        said, hint = capsys.readouterr().out.splitlines()[-2:]
        assert said.startswith("not yet: "), f"{words}: {said}"
        assert "there is no code yet" not in said
        assert hint.startswith("hint ")


@pytest.mark.parametrize(
    ("exercise_id", "mistake", "words"),
    [
        ("01-1", "asks for one long page", "30 of 130 keys are missing; one page need not hold"),
        ("01-1", "returns whole dictionaries", "you return dictionaries, not ids"),
        ("01-2", "takes a denial for absence", "a caller without permission gets None, as if the"),
        ("01-3", "asks for one long page", "; one page need not hold them all, whatever its Lim"),
        ("01-3", "returns nothing", "a list is wanted, not NoneType"),
        ("02-1", "trusts a rare separator", "{'quay': 'jinx', 'quiz': 'junk'} and {'quay': 'jinx"),
        ("02-1", "writes lengths in one byte", "a value of 300 letters stops your code with Over"),
        ("02-1", "cuts lengths at 255", "give the same bytes"),
        ("02-1", "begins lengths anew at 256", "give the same bytes"),
        ("02-1", "takes a hash", "a value of 300 letters takes hardly more bytes than an empty"),
        ("03-1", "answers with nothing for nothing", "True or False is wanted, not b''"),
        ("03-2", "notices no change", "a changed ciphertext is not noticed"),
        ("03-2", "hides the error", "has to raise an error for a changed ciphertext, and gives "),
    ],
)
def test_the_reason_fits_the_mistake(exercise_id, mistake, words):
    module = importlib.import_module(f"wrong_answers.notebook_{exercise_id[:2]}")
    (answers,) = (answers for name, *answers in module.WRONG[exercise_id] if name == mistake)
    with pytest.raises(AssertionError, match=re.escape(words)):
        check(exercise_id, *answers, strict=True)


def _netstrings(pairs):
    texts = [text for pair in sorted(pairs.items()) for text in pair]
    return "".join(f"{len(text)}:{text}" for text in texts).encode()


def _escaped(pairs):
    def escape(text):
        return text.replace("%", "%25").replace("=", "%3D").replace("&", "%26")

    return "&".join(f"{escape(n)}={escape(v)}" for n, v in sorted(pairs.items())).encode()


@pytest.mark.parametrize(
    "encode",
    [
        lambda pairs: json.dumps(pairs, sort_keys=True).encode(),
        lambda pairs: json.dumps(sorted(pairs.items()), ensure_ascii=False).encode(),
        lambda pairs: repr(sorted(pairs.items())).encode(),
        lambda pairs: zlib.compress(repr(sorted(pairs.items())).encode()),
        lambda pairs: repr(sorted(pairs.items(), reverse=True)).encode("utf-16"),
        _netstrings,
        _escaped,
    ],
)
def test_an_encoding_without_traps_is_right_however_it_is_written(encode):
    check("02-1", encode, strict=True)


def test_a_list_of_keys_is_right_however_its_pages_are_turned():
    def all_key_ids(kms):
        found, more = [], {}
        while True:
            page = kms.list_keys(Limit=1000, **more)
            found += [entry["KeyId"] for entry in page["Keys"]]
            if not page["Truncated"]:
                return found
            more = {"Marker": page["NextMarker"]}

    check("01-1", all_key_ids, strict=True)


@each_exercise
def test_the_task_a_learner_reads_does_not_give_the_solution_away(found, wrong):
    for cell in found.solutions:
        kept = exercise_cells.stub_text(cell).splitlines()
        solution = exercise_cells.solution_text(cell).splitlines()
        telling = [line.strip() for line in solution if line not in kept and len(line) > 30]
        assert not [line for line in telling if line in form.source(found.task)]


def _answers(found, *solutions):
    """What the check is called with, from the solution's own cells and what is given for it."""
    namespace = {"__name__": "learner"}
    for cell_text in (*map(form.source, found.given), *solutions):
        exec(compile(cell_text, "<a learner's cell>", "exec"), namespace)
    return [namespace[name] for name in exercise_cells.answer_names(found)]


def _defined(code):
    namespace = {}
    exec(compile(code, "<a learner's cell>", "exec"), namespace)
    return namespace["bytes_to_keep"]
