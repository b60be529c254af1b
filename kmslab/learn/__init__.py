"""What a reader looks at: tables, plots, the wire, and what was refused.

Everything here only looks. A notebook imports the few names below; each comes from the module
that says more about it, and is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmslab.learn.as_service import service_call as service_call
    from kmslab.learn.audit import audit_table as audit_table
    from kmslab.learn.audit_plots import plot_key_use as plot_key_use
    from kmslab.learn.audit_plots import plot_who_uses_what as plot_who_uses_what
    from kmslab.learn.authorization_cases import case_table as case_table
    from kmslab.learn.benchmark_record import reference as reference
    from kmslab.learn.claims import claims_table as claims_table
    from kmslab.learn.classroom import classroom_lab as classroom_lab
    from kmslab.learn.encrypt_path import plot_ecdf as plot_ecdf
    from kmslab.learn.encrypt_path import plot_stages as plot_stages
    from kmslab.learn.encrypt_path import plot_ways as plot_ways
    from kmslab.learn.encrypt_path import time_encrypt_path as time_encrypt_path
    from kmslab.learn.exercises import check as check
    from kmslab.learn.glossary import glossary_table as glossary_table
    from kmslab.learn.growth import plot_growth as plot_growth
    from kmslab.learn.key_life import plot_key_life as plot_key_life
    from kmslab.learn.over_http import client_over_http as client_over_http
    from kmslab.learn.refusals import refused as refused
    from kmslab.learn.size_costs import plot_sizes as plot_sizes
    from kmslab.learn.size_costs import time_sizes as time_sizes
    from kmslab.learn.spans import Way as Way
    from kmslab.learn.spans import coverage as coverage
    from kmslab.learn.spans import time_ways as time_ways
    from kmslab.learn.suite import progress_table as progress_table
    from kmslab.learn.suite import suite_map as suite_map
    from kmslab.learn.widgets.audit_explorer import audit_explorer as audit_explorer
    from kmslab.learn.widgets.context_explorer import context_explorer as context_explorer
    from kmslab.learn.widgets.envelope_stepper import envelope_stepper as envelope_stepper
    from kmslab.learn.widgets.grant_timeline import grant_timeline as grant_timeline
    from kmslab.learn.widgets.key_console import key_console as key_console
    from kmslab.learn.widgets.policy_playground import policy_playground as policy_playground
    from kmslab.learn.widgets.s3_sequence import s3_sequence as s3_sequence
    from kmslab.learn.widgets.size_bench import size_bench as size_bench
    from kmslab.learn.widgets.trail_sequence import trail_sequence as trail_sequence
    from kmslab.learn.wiretap import Wiretap as Wiretap

_HOMES = {
    "audit_explorer": "widgets.audit_explorer",
    "audit_table": "audit",
    "case_table": "authorization_cases",
    "claims_table": "claims",
    "check": "exercises",
    "classroom_lab": "classroom",
    "context_explorer": "widgets.context_explorer",
    "envelope_stepper": "widgets.envelope_stepper",
    "glossary_table": "glossary",
    "grant_timeline": "widgets.grant_timeline",
    "key_console": "widgets.key_console",
    "plot_key_life": "key_life",
    "plot_key_use": "audit_plots",
    "client_over_http": "over_http",
    "coverage": "spans",
    "plot_ecdf": "encrypt_path",
    "plot_growth": "growth",
    "plot_sizes": "size_costs",
    "plot_stages": "encrypt_path",
    "plot_ways": "encrypt_path",
    "reference": "benchmark_record",
    "size_bench": "widgets.size_bench",
    "Way": "spans",
    "time_ways": "spans",
    "time_sizes": "size_costs",
    "plot_who_uses_what": "audit_plots",
    "time_encrypt_path": "encrypt_path",
    "policy_playground": "widgets.policy_playground",
    "progress_table": "suite",
    "refused": "refusals",
    "s3_sequence": "widgets.s3_sequence",
    "service_call": "as_service",
    "suite_map": "suite",
    "trail_sequence": "widgets.trail_sequence",
    "Wiretap": "wiretap",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kmslab.learn' has no attribute {name!r}")
    return getattr(import_module(f"kmslab.learn.{_HOMES[name]}"), name)
