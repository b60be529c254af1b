"""The sub-resources of S3: names in a query that make another request of it, such as ?encryption.

The router goes by them, and so Signature Version 2 has to sign them. They are read from botocore's
service model; which method and place has which of them is not known here.
"""

from functools import cache

from kmslab.wire.model import service_schema


@cache
def subresources() -> frozenset[str]:
    """Every sub-resource of any method and place; a field with a value, as list-type=2, is none."""
    schema = service_schema("s3")
    models = [schema.model.operation_model(name) for name in schema.operation_names]
    queries = [model.http["requestUri"].partition("?")[2] for model in models]
    fields = [field for query in queries for field in query.split("&")]
    return frozenset(field for field in fields if field and "=" not in field)
