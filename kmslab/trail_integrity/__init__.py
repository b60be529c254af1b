"""Is a trail intact? A verifier of CloudTrail's digest and log files, stricter than AWS's own.

It reads a bucket through boto3 and asks CloudTrail for its public keys and for what the trail did:
of AWS, or of a lab. Like `aws cloudtrail validate-logs` it finds files that were changed, deleted,
forged or moved, and besides a newest digest or a whole first chain that is gone, a digest with a
good signature and wrong links, and log files that no digest names. Nothing of the lab is known
here, and nothing is written anywhere.
"""

from kmslab.trail_integrity.findings import Finding as Finding
from kmslab.trail_integrity.findings import UnknownTrail as UnknownTrail
from kmslab.trail_integrity.report import Report as Report
from kmslab.trail_integrity.verification import verify_trail as verify_trail
