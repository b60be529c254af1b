"""Every module stands on a floor; import-linter checks only those that are listed."""

import tomllib

from kmslab import project

CONTRACTS = tomllib.loads(project.PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
ROOMS = [room.strip() for row in CONTRACTS[0]["layers"] for room in row.split("|")]
FLOORS = {room.strip("()") for room in ROOMS}


def test_every_module_stands_on_a_floor():
    homeless = [module for module in _modules() if not _stands(module)]
    assert homeless == []


def test_only_rooms_not_built_yet_stand_in_brackets():
    built = set(_modules())
    assert [room for room in ROOMS if room.startswith("(") and room.strip("()") in built] == []


def _modules():
    for path in sorted((project.FOLDER / "kmslab").rglob("*.py")):
        parts = path.relative_to(project.FOLDER).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _stands(module):
    """Its own floor, the floor of its package, or a package whose rooms have floors."""
    inside = any(module == room or module.startswith(f"{room}.") for room in FLOORS)
    return inside or any(room.startswith(f"{module}.") for room in FLOORS)
