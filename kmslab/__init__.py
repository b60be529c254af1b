"""kmslab: AWS Key Management Service to learn with, where everything is real but the data centre.

`Lab()` is one simulated AWS; `lab.client("kms")` is a real boto3 client that talks to it.
Everything is imported when it is first asked for, so that `import kmslab` costs nothing and
`python -m kmslab` can start on a machine where nothing is installed yet.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmslab.errors import StateError as StateError
    from kmslab.lab import DEFAULT_ACCOUNT as DEFAULT_ACCOUNT
    from kmslab.lab import DEFAULT_REGION as DEFAULT_REGION
    from kmslab.lab import Lab as Lab
    from kmslab.sources import Clock as Clock
    from kmslab.sources import StillClock as StillClock
    from kmslab.sources import insecure_seeded_random as insecure_seeded_random

__version__ = "0.1.0"

_HOMES = {
    "Lab": "kmslab.lab",
    "DEFAULT_ACCOUNT": "kmslab.lab",
    "DEFAULT_REGION": "kmslab.lab",
    "Clock": "kmslab.sources",
    "StillClock": "kmslab.sources",
    "insecure_seeded_random": "kmslab.sources",
    "StateError": "kmslab.errors",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kmslab' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
