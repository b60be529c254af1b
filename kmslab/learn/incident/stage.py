"""What every actor of the day finds there: the lab, the company, and who can start a program."""

from contextlib import suppress
from typing import NamedTuple

from botocore.exceptions import ClientError

from kmslab.lab import Lab
from kmslab.learn.incident.callers import Caller, person
from kmslab.learn.incident.company import ANALYTICS, SHOP, Company, role_arn

# Private addresses are of programs in the company's own network, the others of the internet.
OFFICE = "203.0.113.10"
# The machines on which pipelines run, each with what its steps call AWS by.
RUNNERS = (
    ("198.51.100.7", "terraform/1.14"),
    ("198.51.100.8", "aws-cli/2.31.4"),
    ("198.51.100.9", "aws-sdk-go-v2/1.39"),
)
PLATFORM_IP, PLATFORM_PROGRAM = "10.1.0.5", "amber-platform/7.3"
CONSOLE = "aws-cli/2.31.4"

refusals_do_not_matter = suppress(ClientError)


class Stage(NamedTuple):
    """`debug_log` is a log that more people can read than should, with credentials in it."""

    lab: Lab
    company: Company
    platforms: dict[str, Caller]
    debug_log: list[Caller]

    def start(
        self,
        role_name: str,
        session_name: str,
        source_ip: str,
        program: str,
        hours: int = 1,
        account: str = SHOP,
    ) -> Caller:
        """The platform starts a program: it assumes the role and hands the credentials over."""
        arn = role_arn(account, role_name)
        return self.platforms[account].assume(arn, session_name, source_ip, program, hours)

    def person(self, user_name: str, source_ip: str = OFFICE, account: str = SHOP) -> Caller:
        return person(self.lab, self.lab.user(user_name, account=account), source_ip, CONSOLE)

    def key(self, name: str) -> str:
        return self.company.keys[name]


def stage(lab: Lab, company: Company) -> Stage:
    platforms = {
        account: person(lab, lab.user("platform", account=account), PLATFORM_IP, PLATFORM_PROGRAM)
        for account in (SHOP, ANALYTICS)
    }
    return Stage(lab, company, platforms, [])
