"""A lab's directory: the journal, in a folder that only its owner reads."""

import os
from pathlib import Path

from kmslab.errors import StateError
from kmslab.store.journal import Journal

JOURNAL_NAME = "lab.sqlite3"


def open_journal(directory: Path) -> Journal:
    """The journal of `directory`, which is made where it is missing.

    Raises StateError where the directory cannot be used.
    """
    path = directory / JOURNAL_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # SQLite makes its other files with the rights of this one.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as problem:
        raise StateError(f"{directory} cannot be used: {problem.strerror}") from problem
    return Journal(path)
