"""The doctor says what is wrong and what to do, in words a learner understands."""

import os
import stat

import pytest

from kmslab import doctor, project


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A project folder with one notebook, and every package as tested."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_small.ipynb").write_text("{}")
    monkeypatch.setattr(project, "FOLDER", tmp_path)
    monkeypatch.setattr(project, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(project, "WORK", tmp_path / "work")
    monkeypatch.setattr(project, "installed_version", project.constraints().get)
    return tmp_path


def _findings(verdict):
    return [each for each in doctor.findings() if each.verdict == verdict]


def test_a_good_installation_has_nothing_to_fix(checkout, capsys):
    assert doctor.main() == 0
    assert "All that the notebooks need is here." in capsys.readouterr().out


def test_a_missing_package_is_a_thing_to_fix_with_the_command_that_does(
    checkout, monkeypatch, capsys
):
    versions = {**project.constraints(), "jupyterlab": None}
    monkeypatch.setattr(project, "installed_version", versions.get)
    assert doctor.main() == 1
    printed = capsys.readouterr().out
    assert "jupyterlab>=4.5,<5 (here: none)" in printed
    assert "python -m kmslab lab" in printed


def test_a_package_out_of_range_is_told_with_both_versions(checkout, monkeypatch):
    versions = {**project.constraints(), "pandas": "2.1.0"}
    monkeypatch.setattr(project, "installed_version", versions.get)
    assert [each.what for each in _findings("fix")] == ["needed: pandas>=3.0,<4 (here: 2.1.0)"]


def test_another_version_within_the_range_is_only_a_note(checkout, monkeypatch):
    versions = {**project.constraints(), "click": "8.1.0"}
    monkeypatch.setattr(project, "installed_version", versions.get)
    assert _findings("fix") == []
    assert any("click 8.1.0" in each.what for each in _findings("note"))


def test_what_only_tests_need_does_not_stop_a_learner(checkout, monkeypatch):
    versions = {**project.constraints(), "nbval": None}
    monkeypatch.setattr(project, "installed_version", versions.get)
    monkeypatch.setattr(doctor, "find_program", lambda name: None)
    assert doctor.main() == 0
    assert {"nbval" in each.what for each in _findings("note")} == {True, False}


def test_a_folder_without_notebooks_is_a_thing_to_fix(checkout):
    (checkout / "notebooks" / "00_small.ipynb").unlink()
    assert [each.what for each in _findings("fix")] == ["no notebooks in the folder notebooks"]


def test_a_work_folder_that_cannot_be_written_is_a_thing_to_fix(checkout, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert ["Permission denied" in each.what for each in _findings("fix")] == [True]


def test_a_plain_installation_is_told_from_a_clone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(project, "PYPROJECT", tmp_path / "absent")
    assert doctor.main() == 0
    assert "installed without its project folder" in capsys.readouterr().out


def test_a_program_beside_this_python_comes_before_path(tmp_path, monkeypatch):
    beside, elsewhere = _program(tmp_path / "venv", "aws"), _program(tmp_path / "path", "aws")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(doctor.sys, "executable", str(tmp_path / "other" / "python"))
    assert doctor.find_program("aws") == elsewhere
    monkeypatch.setattr(doctor.sys, "executable", str(tmp_path / "venv" / "python"))
    assert doctor.find_program("aws") == beside


def test_a_browser_may_be_named_in_the_environment(tmp_path, monkeypatch):
    chosen = _program(tmp_path, "my-browser")
    monkeypatch.setenv("KMSLAB_CHROMIUM", chosen)
    assert doctor.find_program("chromium") == chosen
    monkeypatch.setenv("KMSLAB_CHROMIUM", str(tmp_path / "absent"))
    assert doctor.find_program("chromium") is None


def _program(folder, name):
    folder.mkdir(exist_ok=True)
    path = folder / (name + (".exe" if os.name == "nt" else ""))
    path.write_text("")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
