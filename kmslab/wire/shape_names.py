"""How forms and XML call the members of botocore's shapes. Values are not known here."""

from botocore.model import ListShape, Shape


def wire_name(shape: Shape, name: str) -> str:
    """How forms and XML call the member `name` of a structure, list or map."""
    if isinstance(shape, ListShape) and is_flattened(shape):
        # The members of such a list stand where the list would, under their own name.
        return wire_name(shape.member, model_name(shape, name))
    return model_name(shape, name)


def model_name(shape: Shape, name: str) -> str:
    given: str = shape.serialization.get("name", name)
    return given


def is_flattened(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))
