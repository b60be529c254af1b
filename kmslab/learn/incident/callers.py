"""Who calls, and from where: credentials, an address and a program, and the boto3 clients of them.

Whoever has the credentials is the principal, for the lab as for AWS: the same credentials may be
used from two places. What is called is not known here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.config import Config

from kmslab.lab import Lab
from kmslab.store.iam_records import User
from kmslab.wire.boto import in_process_client

REGION, EUROPE = "us-east-1", "eu-west-1"


class Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Caller:
    """Somebody with credentials, at an address, with a program."""

    def __init__(self, lab: Lab, credentials: Credentials, source_ip: str, program: str) -> None:
        self._lab = lab
        self.credentials = credentials
        self._source_ip = source_ip
        # Checksums that nobody asked for change with versions of botocore, and stand in records.
        self._config = Config(
            user_agent=program,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client, made once."""
        wanted = service, region
        if wanted not in self._clients:
            self._clients[wanted] = in_process_client(
                *wanted, *self.credentials, self._lab.handle, self._config, self._source_ip
            )
        return self._clients[wanted]

    @property
    def kms(self) -> Any:
        return self.client("kms")

    @property
    def s3(self) -> Any:
        return self.client("s3")

    def moved_to(self, source_ip: str, program: str) -> "Caller":
        """The same credentials in other hands, or at another place."""
        return Caller(self._lab, self.credentials, source_ip, program)

    def assume(
        self, role_arn: str, session_name: str, source_ip: str, program: str, hours: int = 1
    ) -> "Caller":
        """Who uses the credentials that AssumeRole gives to this caller."""
        given: Mapping[str, Any] = self.client("sts").assume_role(
            RoleArn=role_arn, RoleSessionName=session_name, DurationSeconds=hours * 3600
        )["Credentials"]
        credentials = Credentials(*map(given.__getitem__, _MEMBERS))
        return Caller(self._lab, credentials, source_ip, program)


_MEMBERS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


def person(lab: Lab, user: User, source_ip: str, program: str) -> Caller:
    """A user with the access key that they have always had."""
    known = lab.credentials(user)
    credentials = Credentials(known.access_key_id, known.secret_access_key)
    return Caller(lab, credentials, source_ip, program)
