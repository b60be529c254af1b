"""`python -m kmslab.learn.incident` makes both folders of the day anew."""

import shutil

from kmslab.learn.incident import making, tampering
from kmslab.learn.incident.places import FOLDER, LOGS, TAMPERED


def main() -> None:
    with making.lived_lab() as lab:
        taken = making.collected(lab)
    for folder in (FOLDER, TAMPERED):
        shutil.rmtree(folder / LOGS, ignore_errors=True)
    making.write(FOLDER, taken)
    tampering.write(TAMPERED, taken.files)
    print(f"{len(taken.files)} files in {FOLDER}")


if __name__ == "__main__":
    main()
