"""AWS's own service model, as botocore ships it, turned into checks and conversions.

A `ServiceSchema` knows an operation's members, types and constraints, refuses what does not
fit in AWS's words, and turns blobs and timestamps into bytes and numbers and back. It must
not know what any operation does.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from kmslab import errors
from kmslab.wire.shape_readers import Json, Reader, read_nothing, reader
from kmslab.wire.shape_writers import Writer, note_nothing, noter, writer


class OperationSchema:
    """One operation: its input as checks, its output as conversions."""

    def __init__(self, model: OperationModel) -> None:
        self.name: str = model.name
        self.model = model

    @cached_property
    def streams_in(self) -> bool:
        """Whether the body of a request is a stream of bytes of any length."""
        shape = self.model.input_shape
        payload = shape.serialization.get("payload") if shape else None
        return bool(payload) and shape.members[payload].type_name == "blob"

    @cached_property
    def _read_input(self) -> Reader:
        return reader(self.model.input_shape) if self.model.input_shape else read_nothing

    @cached_property
    def _write_output(self) -> Writer | None:
        return writer(self.model.output_shape) if self.model.output_shape else None

    @cached_property
    def _note_input(self) -> Writer:
        return noter(self.model.input_shape) if self.model.input_shape else note_nothing

    @cached_property
    def _note_output(self) -> Writer:
        return noter(self.model.output_shape) if self.model.output_shape else note_nothing

    def note_input(self, parameters: Mapping[str, Any]) -> dict[str, Json] | None:
        """The parameters as an event shows them: lower camel case, nothing secret, no bytes."""
        return self._note_input(parameters) or None

    def note_output(self, output: Mapping[str, Any]) -> dict[str, Json] | None:
        return self._note_output(output) or None

    def read(self, given: Json) -> dict[str, Any]:
        """The parameters in `given`, a parsed JSON body, with blobs as bytes.

        Unknown members are ignored. Raises SerializationException for a value of the wrong
        type, and ValidationException with every violated constraint in AWS's wording.
        """
        violations: list[str] = []
        parameters: dict[str, Any] = self._read_input(given, "", violations)
        if violations:
            raise errors.constraints(violations)
        return parameters

    def write(self, output: Mapping[str, Any] | None) -> dict[str, Json] | None:
        """`output` as JSON values, or None where the operation answers with no body."""
        if output is None or self._write_output is None:
            return None
        written: dict[str, Json] = self._write_output(output)
        return written


class ServiceSchema:
    """One service: its operations by name."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.operation_names = frozenset(model.operation_names)
        self._schemas: dict[str, OperationSchema] = {}

    def operation(self, name: str) -> OperationSchema | None:
        schema = self._schemas.get(name)
        if schema is None and name in self.operation_names:
            schema = self._schemas[name] = OperationSchema(self.model.operation_model(name))
        return schema


@cache
def service_schema(service: str) -> ServiceSchema:
    """The schema of botocore's service `service`, such as "kms"."""
    return ServiceSchema(ServiceModel(Loader().load_service_model(service, "service-2"), service))


@cache
def region_names() -> frozenset[str]:
    """The Regions of the `aws` partition that this botocore knows."""
    partitions = Loader().load_data("partitions")["partitions"]
    regions = next(p["regions"] for p in partitions if p["id"] == "aws")
    return frozenset(name for name in regions if name != "aws-global")
