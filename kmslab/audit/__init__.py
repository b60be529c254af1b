"""Reading the trail: CloudTrail's records as one tidy table, and an auditor's questions to it.

A table is read from live events, from LookupEvents, from the log files in a bucket or from a folder
of them, of AWS or of a lab; `COLUMNS` says what stands in each column. Nothing of the lab is known
here, and nothing is written anywhere.
"""

from kmslab.audit.columns import COLUMNS as COLUMNS
from kmslab.audit.questions import actor as actor
from kmslab.audit.questions import could_but_never_did as could_but_never_did
from kmslab.audit.questions import denials as denials
from kmslab.audit.questions import in_whose_name as in_whose_name
from kmslab.audit.questions import objects_opened as objects_opened
from kmslab.audit.questions import of_key as of_key
from kmslab.audit.questions import short_names as short_names
from kmslab.audit.questions import sleeping_keys as sleeping_keys
from kmslab.audit.questions import who_used as who_used
from kmslab.audit.questions import who_uses_what as who_uses_what
from kmslab.audit.reading import Skipped as Skipped
from kmslab.audit.reading import SkippedFile as SkippedFile
from kmslab.audit.sources import from_bucket as from_bucket
from kmslab.audit.sources import from_events as from_events
from kmslab.audit.sources import from_folder as from_folder
from kmslab.audit.sources import from_lookup as from_lookup
from kmslab.audit.sources import with_aliases as with_aliases
