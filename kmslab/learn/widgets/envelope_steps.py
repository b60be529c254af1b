"""Envelope encryption in six steps, each really done: who holds which bytes after each.

Without a widget in it, so that it reads as the story it is. The lab gives the nonce and tells
which events were recorded; all else goes through the learner's own boto3 client.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.lab import Lab
from kmslab.learn.widgets import calls

PLAINTEXT = "plaintext"
PLAINTEXT_DATA_KEY = "plaintext data key"
ENCRYPTED_DATA_KEY = "encrypted data key"
NONCE = "nonce"
CIPHERTEXT = "ciphertext"
KMS_KEY = "KMS key"
THINGS = (PLAINTEXT, PLAINTEXT_DATA_KEY, ENCRYPTED_DATA_KEY, NONCE, CIPHERTEXT, KMS_KEY)

APPLICATION = "the application"
STORED = "what is stored"
HSM = "KMS (inside the HSM)"
HOLDERS = (APPLICATION, STORED, HSM)

BEFORE = "The application has a document, and KMS has a KMS key. Nothing else exists yet."
STEPS = (
    (
        "GenerateDataKey",
        "KMS makes a data key, encrypts it under the KMS key, returns both, and keeps neither.",
    ),
    (
        "Encrypt the document here",
        "The application encrypts with AES-GCM under the plaintext data key. KMS is not asked, "
        "and it never sees the document.",
    ),
    (
        "Forget the plaintext data key",
        "The application lets go of the plaintext data key. From now on only KMS can bring it "
        "back.",
    ),
    (
        "Store the envelope",
        "Encrypted data key, nonce and ciphertext are stored together. The application keeps "
        "nothing, not even the document.",
    ),
    (
        "Decrypt the data key",
        "The application reads the encrypted data key and sends it to Decrypt. KMS returns the "
        "plaintext data key; the ciphertext does not travel.",
    ),
    (
        "Open the document",
        "The application decrypts the ciphertext here, and forgets the data key again. The "
        "document is back, byte for byte.",
    ),
)


class Turn(NamedTuple):
    """One press: the step it was meant for, whether it was done, what is to say about it, and
    what was recorded."""

    step: int
    done: bool
    words: str
    recorded: str


class EnvelopeSteps:
    """A document, a KMS key, and how far we are."""

    def __init__(self, lab: Lab, kms: Any, key_id: str, document: bytes) -> None:
        if not isinstance(document, bytes):
            raise TypeError(f"a document is bytes, not {type(document).__name__}: {document!r:.60}")
        if not document:
            raise ValueError(f"there is nothing to encrypt in {document!r}")
        self.key_id = calls.checked_key_id(key_id)
        self._lab = lab
        self._kms = kms
        self._document = document
        self.start_over()

    def start_over(self) -> None:
        self.step = 0
        self.turns: list[Turn] = []
        self.application = {PLAINTEXT: self._document}
        self.stored: dict[str, bytes] = {}
        self._before = self._things()

    def advance(self) -> Turn:
        """Do the next step. Where AWS refuses it, nothing has changed but the events.

        Raises ValueError after the last step.
        """
        if self.step == len(STEPS):
            raise ValueError(f"all {self.step} steps are done; start_over() begins again")
        seen, before = len(self._lab.events()), self._things()
        actions: tuple[Callable[[], None], ...] = (
            self._generate_data_key,
            self._encrypt_here,
            self._forget_plaintext_data_key,
            self._store_envelope,
            self._decrypt_data_key,
            self._open_document,
        )
        try:
            actions[self.step]()
            done, words = True, STEPS[self.step][1]
        except ClientError as error:
            done = False
            words = f"{calls.refusal_code(error)}: {calls.refusal_sentence(error)}"
        turn = Turn(self.step + 1, done, words, calls.told(self._lab.events()[seen:]))
        self.step += done
        self._before = before
        self.turns.append(turn)
        return turn

    def held(self, holder: str) -> dict[str, str]:
        """What `holder` has, each thing with its size and a fingerprint."""
        if holder == HSM:
            return {KMS_KEY: f"{calls.short_name(self.key_id)}, whose bytes nobody sees"}
        things = self.application if holder == APPLICATION else self.stored
        return {name: described(name, things[name]) for name in THINGS if name in things}

    def is_new(self, holder: str, thing: str) -> bool:
        """Whether `thing` came to `holder` with the last press."""
        return thing not in self._before[holder]

    def _things(self) -> dict[str, frozenset[str]]:
        return {holder: frozenset(self.held(holder)) for holder in HOLDERS}

    # --- The six steps --------------------------------------------------------------------

    def _generate_data_key(self) -> None:
        answer = self._kms.generate_data_key(KeyId=self.key_id, KeySpec="AES_256")
        self.application[PLAINTEXT_DATA_KEY] = answer["Plaintext"]
        self.application[ENCRYPTED_DATA_KEY] = answer["CiphertextBlob"]

    def _encrypt_here(self) -> None:
        nonce = self._lab.random(12)
        data_key = AESGCM(self.application[PLAINTEXT_DATA_KEY])
        self.application[NONCE] = nonce
        self.application[CIPHERTEXT] = data_key.encrypt(nonce, self.application[PLAINTEXT], None)

    def _forget_plaintext_data_key(self) -> None:
        del self.application[PLAINTEXT_DATA_KEY]

    def _store_envelope(self) -> None:
        for part in (ENCRYPTED_DATA_KEY, NONCE, CIPHERTEXT):
            self.stored[part] = self.application[part]
        self.application = {}

    def _decrypt_data_key(self) -> None:
        encrypted_data_key = self.stored[ENCRYPTED_DATA_KEY]
        answer = self._kms.decrypt(CiphertextBlob=encrypted_data_key, KeyId=self.key_id)
        self.application = {
            PLAINTEXT_DATA_KEY: answer["Plaintext"],
            ENCRYPTED_DATA_KEY: encrypted_data_key,
        }

    def _open_document(self) -> None:
        data_key = AESGCM(self.application[PLAINTEXT_DATA_KEY])
        opened = data_key.decrypt(self.stored[NONCE], self.stored[CIPHERTEXT], None)
        self.application = {PLAINTEXT: opened}


def described(name: str, content: bytes) -> str:
    """The size of `content`, and its first words if it may be read, else a fingerprint."""
    size = f"{len(content):,} bytes"
    return f"{size}, {first_words(content)}" if name == PLAINTEXT else f"{size}, {mark(content)}"


def mark(content: bytes) -> str:
    """A fingerprint: the first four bytes of SHA-256, which tell nothing of the content."""
    return f"fingerprint {sha256(content).hexdigest()[:8]}"


def first_words(document: bytes, most: int = 24) -> str:
    """As many whole words as `most` characters hold; a longer document ends in three dots."""
    words = document[: 8 * most].decode("utf-8", errors="replace").split()
    shown = " ".join(words)
    while len(shown) > most and len(words) > 1:
        shown = " ".join(words := words[:-1]) + "…"
    return f"“{shown[:most]}”"
