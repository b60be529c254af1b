"""`python -m kmslab <command>`: the way in that works before anything is installed.

This file must stay readable for old Pythons, so that they can say what is wrong, and it imports
the standard library alone; what comes after the version check is in `kmslab.bootstrap`.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (older Pythons do come here)
    found = ".".join(str(number) for number in sys.version_info[:2])
    sys.exit(
        "kmslab needs Python 3.11 or newer, and this is Python " + found + ": "
        "start it with a newer one, for example `python3.11 -m kmslab lab`."
    )

from kmslab import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.main(sys.argv[1:]))
