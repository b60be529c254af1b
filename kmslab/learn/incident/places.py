"""Where the day lies, when it was, and what its files are called. Nothing is read here."""

from datetime import UTC, datetime, timedelta

from kmslab import project

FOLDER = project.FOLDER / "data" / "incident"
TAMPERED = project.FOLDER / "data" / "incident-tampered"
TEST_KEYS = project.FOLDER / "data" / "test_keys"

LOGS = "AWSLogs"
SIGNATURES = "digest_signatures.txt"
PUBLIC_KEYS = "public_keys"
DELETED = "deleted.txt"

SEED = "incident"
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
# Everything that happened by then lies in files, and all of these are named by digests.
COLLECTED = MIDNIGHT + timedelta(hours=25, seconds=30)
