"""Envelope encryption in the message format of the AWS Encryption SDK.

Data is encrypted under a data key, and the data key under KMS keys; both stand in one message that
needs nothing but one of these KMS keys to be opened, here or by AWS's libraries in any language.

    keys = envelope.KmsKeys(boto3.client("kms"), "alias/letters")
    message = envelope.encrypt(b"Dear reader", keys, {"file": "letter.txt"})
    assert envelope.decrypt(message, keys).plaintext == b"Dear reader"

Any boto3 KMS client will do, AWS's or a lab's; nothing of the lab is known here. In the order of
reading: `headers` and `frames` are the format, `suites` and `signatures` its keys, `wrapping`,
`kms_keys`, `raw_keys` and `caching` where data keys come from, `sealing`, `opening` and
`rewrapping` what is done with messages, and `files` the same with files.
"""

from kmslab.envelope.caching import CachedDataKeys as CachedDataKeys
from kmslab.envelope.errors import AlteredMessage as AlteredMessage
from kmslab.envelope.errors import ContextMismatch as ContextMismatch
from kmslab.envelope.errors import DamagedMessage as DamagedMessage
from kmslab.envelope.errors import EnvelopeError as EnvelopeError
from kmslab.envelope.errors import ExtendedMessage as ExtendedMessage
from kmslab.envelope.errors import ForeignMessage as ForeignMessage
from kmslab.envelope.errors import MalformedMessage as MalformedMessage
from kmslab.envelope.errors import NoKeyOpens as NoKeyOpens
from kmslab.envelope.errors import OversizedMessage as OversizedMessage
from kmslab.envelope.errors import ReorderedFrames as ReorderedFrames
from kmslab.envelope.errors import SignedMessage as SignedMessage
from kmslab.envelope.errors import TruncatedMessage as TruncatedMessage
from kmslab.envelope.errors import UnusableDataKey as UnusableDataKey
from kmslab.envelope.files import decrypt_file as decrypt_file
from kmslab.envelope.files import encrypt_file as encrypt_file
from kmslab.envelope.files import new_file as new_file
from kmslab.envelope.files import rewrap_file as rewrap_file
from kmslab.envelope.headers import EncryptedDataKey as EncryptedDataKey
from kmslab.envelope.headers import Header as Header
from kmslab.envelope.headers import Limits as Limits
from kmslab.envelope.kms_keys import KmsDiscovery as KmsDiscovery
from kmslab.envelope.kms_keys import KmsKeys as KmsKeys
from kmslab.envelope.opening import Opened as Opened
from kmslab.envelope.opening import decrypt as decrypt
from kmslab.envelope.opening import decrypt_stream as decrypt_stream
from kmslab.envelope.raw_keys import RawAesKey as RawAesKey
from kmslab.envelope.rewrapping import rewrap as rewrap
from kmslab.envelope.rewrapping import rewrap_stream as rewrap_stream
from kmslab.envelope.sealing import encrypt as encrypt
from kmslab.envelope.sealing import encrypt_stream as encrypt_stream
from kmslab.envelope.suites import Suite as Suite
from kmslab.envelope.wrapping import AnyOf as AnyOf
from kmslab.envelope.wrapping import DataKeys as DataKeys
from kmslab.envelope.wrapping import WrappingKeys as WrappingKeys
