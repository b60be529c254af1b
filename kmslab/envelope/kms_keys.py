"""KMS keys as wrapping keys, through any boto3 KMS client: AWS's, or a lab's.

The first key makes the data key (GenerateDataKey), every other one wraps it too (Encrypt), and one
Decrypt opens it. KMS gets the whole encryption context each time and refuses to open a data key
under another one. What KMS answers is checked: the plaintext has 32 bytes, and the key that opened
a data key is the one that the message names.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.envelope.contexts import Context
from kmslab.envelope.errors import UnusableDataKey
from kmslab.envelope.headers import EncryptedDataKey
from kmslab.envelope.suites import DATA_KEY_SIZE
from kmslab.envelope.wrapping import NewDataKey, WrappingKeys

PROVIDER_ID = "aws-kms"
_KEY_ARN = re.compile(r"arn:([a-z0-9-]+):kms:([a-z0-9-]+):([0-9]{12}):key/([\w-]+)", re.ASCII)


class KmsKeys(WrappingKeys):
    """These KMS keys, and no others ("strict" in AWS's words).

    `kms` is a boto3 KMS client; a key is named by its ARN, its id, or an alias. Where all are
    named by key ARNs, a message for other keys is refused without asking KMS. Raises ValueError
    without a key, and for a name that is empty.
    """

    def __init__(self, kms: Any, *key_ids: str, grant_tokens: Sequence[str] = ()) -> None:
        if not key_ids or not all(key_ids):
            raise ValueError(f"at least one KMS key has to be named, and not {key_ids!r}")
        self._kms = kms
        self._key_ids = key_ids
        self._tokens = _granted(grant_tokens)

    def new_data_key(self, encryption_context: Context) -> NewDataKey:
        first, *others = self._key_ids
        parameters = {"NumberOfBytes": DATA_KEY_SIZE, "EncryptionContext": encryption_context}
        answer = self._kms.generate_data_key(KeyId=first, **parameters, **self._tokens)
        plaintext = _plaintext(answer)
        wrapped = [self._wrapped(plaintext, key_id, encryption_context) for key_id in others]
        return NewDataKey(plaintext, (_encrypted_data_key(answer), *wrapped))

    def wrap(
        self, plaintext_data_key: bytes, encryption_context: Context
    ) -> tuple[EncryptedDataKey, ...]:
        return tuple(
            self._wrapped(plaintext_data_key, key_id, encryption_context)
            for key_id in self._key_ids
        )

    def unwrap(
        self, encrypted_data_key: EncryptedDataKey, encryption_context: Context
    ) -> bytes | None:
        arn = key_arn_of(encrypted_data_key)
        if arn is None:
            return None
        for key_id in self._key_ids:
            if key_id == str(arn) or not parse_key_arn(key_id):
                found = self._opened(encrypted_data_key, arn, key_id, encryption_context)
                if found is not None:
                    return found
        return None

    def rewrap(
        self,
        encrypted_data_key: EncryptedDataKey,
        plaintext_data_key: bytes,
        encryption_context: Context,
    ) -> tuple[EncryptedDataKey, ...]:
        """By KMS's ReEncrypt where this client reaches the old key as well."""
        arn = key_arn_of(encrypted_data_key)
        if arn is None or arn.region != self._kms.meta.region_name:
            return self.wrap(plaintext_data_key, encryption_context)
        answers = [
            self._kms.re_encrypt(
                CiphertextBlob=encrypted_data_key.ciphertext,
                SourceKeyId=str(arn),
                SourceEncryptionContext=encryption_context,
                DestinationKeyId=key_id,
                DestinationEncryptionContext=encryption_context,
                **self._tokens,
            )
            for key_id in self._key_ids
        ]
        return tuple(_encrypted_data_key(answer) for answer in answers)

    def _opened(
        self,
        encrypted_data_key: EncryptedDataKey,
        arn: "KeyArn",
        key_id: str,
        encryption_context: Context,
    ) -> bytes | None:
        """None where `key_id`, an alias or a bare id, turns out to be another key."""
        try:
            return _decrypted(
                self._kms, encrypted_data_key, arn, key_id, encryption_context, self._tokens
            )
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] == "IncorrectKeyException":
                return None
            raise

    def _wrapped(
        self, plaintext_data_key: bytes, key_id: str, encryption_context: Context
    ) -> EncryptedDataKey:
        answer = self._kms.encrypt(
            KeyId=key_id,
            Plaintext=plaintext_data_key,
            EncryptionContext=encryption_context,
            **self._tokens,
        )
        return _encrypted_data_key(answer)


class KmsDiscovery(WrappingKeys):
    """Whatever KMS keys of this client's Region a message names, if KMS lets us use them.

    It only opens. Without a filter, anybody can have us open with a key of *theirs* what they wrote
    themselves: `accounts` are those whose keys may be used, `partition` is theirs. Raises
    ValueError for an account that has not 12 digits.
    """

    def __init__(
        self,
        kms: Any,
        accounts: Collection[str] = (),
        partition: str = "aws",
        grant_tokens: Sequence[str] = (),
    ) -> None:
        for account in accounts:
            if not re.fullmatch("[0-9]{12}", account):
                raise ValueError(f"an account has 12 digits, not {account!r}")
        self._kms = kms
        self._accounts = frozenset(accounts)
        self._partition = partition
        self._tokens = _granted(grant_tokens)

    def new_data_key(self, encryption_context: Context) -> NewDataKey:
        raise ValueError("discovery names no key: it opens messages, and cannot write any")

    def wrap(
        self, plaintext_data_key: bytes, encryption_context: Context
    ) -> tuple[EncryptedDataKey, ...]:
        raise ValueError("discovery names no key to wrap with")

    def unwrap(
        self, encrypted_data_key: EncryptedDataKey, encryption_context: Context
    ) -> bytes | None:
        arn = key_arn_of(encrypted_data_key)
        if arn is None or not self._admits(arn):
            return None
        return _decrypted(
            self._kms, encrypted_data_key, arn, str(arn), encryption_context, self._tokens
        )

    def _admits(self, arn: "KeyArn") -> bool:
        ours = not self._accounts or (
            arn.partition == self._partition and arn.account in self._accounts
        )
        return ours and arn.region == self._kms.meta.region_name


class KeyArn(NamedTuple):
    partition: str
    region: str
    account: str
    key_id: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{self.key_id}"


def parse_key_arn(text: str) -> KeyArn | None:
    """None where `text` is not the ARN of a KMS key; that of an alias is none either."""
    found = _KEY_ARN.fullmatch(text)
    return KeyArn(*found.groups()) if found else None


def key_arn_of(encrypted_data_key: EncryptedDataKey) -> KeyArn | None:
    """The KMS key that an encrypted data key names, if any."""
    if encrypted_data_key.provider_id != PROVIDER_ID:
        return None
    return parse_key_arn(encrypted_data_key.key_info.decode("ascii", "replace"))


def _decrypted(
    kms: Any,
    encrypted_data_key: EncryptedDataKey,
    arn: KeyArn,
    key_id: str,
    encryption_context: Context,
    tokens: dict[str, Any],
) -> bytes:
    """By KMS's Decrypt, with the key named, so that KMS refuses a blob of any other key."""
    answer = kms.decrypt(
        CiphertextBlob=encrypted_data_key.ciphertext,
        KeyId=key_id,
        EncryptionContext=encryption_context,
        **tokens,
    )
    if answer["KeyId"] != str(arn):
        raise UnusableDataKey(f"the message names {arn}, and KMS opened it with {answer['KeyId']}")
    return _plaintext(answer)


def _plaintext(answer: dict[str, Any]) -> bytes:
    plaintext: bytes = answer["Plaintext"]
    if len(plaintext) != DATA_KEY_SIZE:
        raise UnusableDataKey(f"KMS gave a data key of {len(plaintext)} bytes")
    return plaintext


def _encrypted_data_key(answer: dict[str, Any]) -> EncryptedDataKey:
    arn = parse_key_arn(answer["KeyId"])
    if arn is None:
        raise UnusableDataKey(f"KMS should name a key by its ARN, and says {answer['KeyId']!r}")
    return EncryptedDataKey(PROVIDER_ID, str(arn).encode(), answer["CiphertextBlob"])


def _granted(grant_tokens: Sequence[str]) -> dict[str, Any]:
    return {"GrantTokens": list(grant_tokens)} if grant_tokens else {}
