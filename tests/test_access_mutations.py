"""The breaks of `mutations` still fit the code, and a few of them are noticed.

`python -m tests.mutations` tries all of them, which takes some minutes.
"""

import pytest
from mutations import ACCESS, BREAKS, PROJECT, Break, apply, survives, unbroken_cases_pass

# One of each kind: a layer, a grant, a name, a condition. Each is noticed within seconds.
TRIED = (
    "an allow beats a deny of its own layer",
    "a grantee may pass on anything",
    "NotPrincipal with Allow allows who is listed",
    "IfExists is not read",
)


def test_there_are_breaks_in_every_part_of_the_rules():
    assert len(BREAKS) >= 40
    assert {broken.file for broken in BREAKS} >= {
        *("conditions.py", "decision.py", "grants.py", "operators.py", "policy.py"),
        *("principal_element.py", "principals.py", "variables.py", "wildcards.py"),
    }
    assert len({broken.what for broken in BREAKS}) == len(BREAKS)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.what)
def test_the_text_of_a_break_stands_once_in_its_file(broken):
    source = (PROJECT / ACCESS / broken.file).read_text(encoding="utf-8")
    assert source.count(broken.text) == 1
    assert broken.instead != broken.text
    compile(source.replace(broken.text, broken.instead), broken.file, "exec")


def test_nothing_is_noticed_where_nothing_is_broken():
    assert unbroken_cases_pass()


@pytest.mark.parametrize("what", TRIED)
def test_a_break_is_noticed(what):
    (broken,) = (broken for broken in BREAKS if broken.what == what)
    assert not survives(broken)


def test_a_break_that_does_not_fit_is_refused(tmp_path):
    folder = tmp_path / ACCESS
    folder.mkdir(parents=True)
    (folder / "x.py").write_text("a = 1\na = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2 times"):
        apply(Break("x.py", "a = 1", "a = 2", "twice"), tmp_path)
