"""The incident: a day in a small company whose trail is kept in data/incident, and one thief in it.

The day was made by a lab, through boto3, and can be made again: `company` says who there is and who
may do what, `days_work` what honest people and programs do, `theft` what somebody else does with a
role's leaked credentials, `making` runs it all and writes the files. Learners get the files:
`evidence` lays them into the bucket of a lab, as they are or as they were tampered with, and
`replay` asks a lab what would have become of the day's calls under another rule.

Whoever wants to solve notebook 13 should read no further than this line.
"""

from kmslab.learn.incident.evidence import evidence_lab as evidence_lab
from kmslab.learn.incident.places import FOLDER as FOLDER
from kmslab.learn.incident.places import MIDNIGHT as MIDNIGHT
from kmslab.learn.incident.replay import asked_grant as asked_grant
from kmslab.learn.incident.replay import morning_lab as morning_lab
from kmslab.learn.incident.replay import replay as replay
