"""The domain key: what an HSM uses to lock up everything that leaves it.

AWS's HSMs of one Region share domain keys, and a KMS key's material rests outside of them
only as an exported key token, encrypted under such a key (AWS KMS Cryptographic Details,
"Domain keys"). A lab has one. Four keys are derived from it by purpose: one wraps key material, one
names it, one seals ciphertext blobs, one seals tokens. None can be read back. For a lab with a
directory the domain key rests in a file of its own, which only its owner can read.
"""

import hmac
import os
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.errors import StateError
from kmslab.sources import RandomBytes
from kmslab.vault.key_derivation import KeyDerivation

SIZE = 32
SEAL_SIZE = 16
FILE_NAME = "domain.key"
_NONCE_SIZE = 12
_PROOF_NAME = b"kmslab domain key"


class DomainKey:
    """Wraps key material, seals blobs and tokens. `secret` is 32 random bytes."""

    def __init__(self, secret: bytes, random: RandomBytes) -> None:
        if len(secret) != SIZE:
            raise ValueError(f"a domain key has {SIZE} bytes, not {len(secret)}")
        derivation = KeyDerivation(secret)
        self._wrapping = AESGCM(derivation.derive(b"kmslab wrap key material", b""))
        self._sealing = derivation.derive(b"kmslab seal ciphertext blob", b"")
        self._naming = derivation.derive(b"kmslab name key material", b"")
        self._token_sealing = derivation.derive(b"kmslab seal token", b"")
        self._random = random

    def wrap(self, material: bytes, name: bytes) -> bytes:
        """`material` as a token that opens only under the same `name`."""
        nonce = self._random(_NONCE_SIZE)
        return nonce + self._wrapping.encrypt(nonce, material, name)

    def unwrap(self, token: bytes, name: bytes) -> bytes | None:
        """What `wrap` was given, or None where token, name or domain key do not belong
        together."""
        try:
            return self._wrapping.decrypt(token[:_NONCE_SIZE], token[_NONCE_SIZE:], name)
        except (InvalidTag, ValueError):
            return None

    def name_material(self, owner: bytes, material: bytes) -> bytes:
        """32 bytes that stand for `material` of `owner`, which no other's begins with. Without this
        domain key nobody can tell whether a guess is right: keyed BLAKE2b (RFC 7693)."""
        return blake2b(owner + material, key=self._naming, digest_size=32).digest()

    def seal(self, message: bytes) -> bytes:
        """16 bytes that only this domain can make for `message`: keyed BLAKE2b (RFC 7693)."""
        return blake2b(message, key=self._sealing, digest_size=SEAL_SIZE).digest()

    def seal_fits(self, message: bytes, seal: bytes) -> bool:
        return hmac.compare_digest(self.seal(message), seal)

    def seal_token(self, purpose: bytes, payload: bytes) -> bytes:
        """`payload` with a seal that only this domain can make, for this `purpose` alone."""
        return payload + self._token_seal(purpose, payload)

    def open_token(self, purpose: bytes, sealed: bytes) -> bytes | None:
        """The payload that `seal_token` was given, or None for anything it did not make."""
        payload, seal = sealed[:-SEAL_SIZE], sealed[-SEAL_SIZE:]
        return payload if hmac.compare_digest(self._token_seal(purpose, payload), seal) else None

    def proof(self) -> str:
        """A text that shows later whether a domain key is this one. It tells nothing else."""
        return self.wrap(b"", _PROOF_NAME).hex()

    def fits(self, proof: str) -> bool:
        try:
            return self.unwrap(bytes.fromhex(proof), _PROOF_NAME) is not None
        except ValueError:
            return False

    def _token_seal(self, purpose: bytes, payload: bytes) -> bytes:
        # The length keeps a purpose apart from one that it begins with.
        message = bytes((len(purpose),)) + purpose + payload
        return blake2b(message, key=self._token_sealing, digest_size=SEAL_SIZE).digest()


def domain_key_in(directory: Path, proof: str | None, random: RandomBytes) -> DomainKey:
    """The domain key of `directory`; a new one where `proof` is None and there is no file.

    `proof` is what the lab's journal noted of its domain key. Raises StateError where the file
    is missing, cannot be read or written, or holds another key than the one that `proof` is of.
    """
    path = directory / FILE_NAME
    try:
        if not path.exists():
            if proof is not None:
                raise StateError(
                    f"{path} is missing. The key material of this lab opens only with that file: "
                    "put it back, or start with an empty directory."
                )
            _write_secret(path, random(SIZE))
        secret = path.read_bytes()
    except OSError as problem:
        raise StateError(f"{path} cannot be used: {problem.strerror}") from problem
    if len(secret) != SIZE or (proof and not DomainKey(secret, random).fits(proof)):
        raise StateError(
            f"{path} is not the domain key that this lab's key material was wrapped under: "
            "put the right file back, or start with an empty directory."
        )
    return DomainKey(secret, random)


def _write_secret(path: Path, secret: bytes) -> None:
    # Written aside and renamed, so that a process killed here leaves no half a key.
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
