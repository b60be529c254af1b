"""The REST-XML protocol of S3: method, path, query and headers name the operation, bodies are XML.

`addresses` tells S3's requests from others and reads what they name, `routes` finds the operation,
`parameters` reads its input, `answers` writes what comes of it. All follow botocore's service
model; what an operation does, and who calls, is not known here.
"""

from kmslab.wire.rest_xml.addresses import Address, address, bucket_in_host, speaks
from kmslab.wire.rest_xml.answers import answer, refuse
from kmslab.wire.rest_xml.parameters import read
from kmslab.wire.rest_xml.routes import route

__all__ = ["Address", "address", "answer", "bucket_in_host", "read", "refuse", "route", "speaks"]
