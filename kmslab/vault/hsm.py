"""The hardware security module, simulated: the one place where backing keys exist in clear.

An HSM backing key is made here, leaves only as an exported key token (wrapped under the domain key)
and comes back only that way. The operations below use it; none returns it. Keys that are no
symmetric encryption keys stand in `hsm_keys`. The HSM believes its callers: who may ask is decided
before, in `access`.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab import errors
from kmslab.sources import RandomBytes
from kmslab.vault.backing_keys import BackingKeyName, WrappedKey, name_of_material
from kmslab.vault.ciphertext_blob import IV_SIZE, NONCE_SIZE, BlobHeader
from kmslab.vault.domain_key import SEAL_SIZE, DomainKey
from kmslab.vault.encryption_context import canonical
from kmslab.vault.hsm_keys import HsmKeys
from kmslab.vault.key_derivation import KeyDerivation
from kmslab.vault.wrapping_keys import ImportParameters, ImportTerms, WrappingKeys

_ENCRYPT_LABEL = b"kmslab encrypt AES-256-GCM"
_BACKING_KEY_SIZE = 32
_CACHED_KEYS = 10_000


class Hsm:
    """Makes, wraps and uses backing keys; answers with ciphertexts, never with keys."""

    def __init__(self, domain_key: DomainKey, random: RandomBytes) -> None:
        self._domain_key = domain_key
        self._random = random
        self._backing_keys: dict[BackingKeyName, KeyDerivation] = {}
        self._wrapping_keys = WrappingKeys(domain_key, random)
        self.keys = HsmKeys(domain_key, random)

    def create_backing_key(self, account: str, key_id: str) -> tuple[BackingKeyName, str]:
        """A new 256-bit backing key: its name and its exported key token, as hex text."""
        name = BackingKeyName(account, key_id, self._random(32).hex())
        material = self._random(_BACKING_KEY_SIZE)
        return name, self._domain_key.wrap(material, name.encode()).hex()

    # --- Material that is brought ---------------------------------------------------------

    def new_import_parameters(self, terms: ImportTerms) -> ImportParameters:
        """A new wrapping key for key material, and its import token. Hold no lock meanwhile."""
        return self._wrapping_keys.create(terms)

    def import_terms(self, import_token: bytes) -> ImportTerms | None:
        """What an import token is good for; None for one that this domain did not make."""
        return self._wrapping_keys.terms_of(import_token)

    def import_material(
        self, import_token: bytes, wrapped: bytes, account: str, key_id: str, key_spec: str
    ) -> WrappedKey:
        """The material that was brought, as a key of `key_spec`: its name, which depends on the
        material, and its exported key token. Hold no lock meanwhile.

        Raises InvalidCiphertextException where it does not unwrap, IncorrectKeyMaterialException
        where it is no sound material for `key_spec`.
        """
        material = self._wrapping_keys.unwrap(import_token, wrapped)
        if material is None:
            raise errors.invalid_ciphertext()
        try:
            if key_spec == "SYMMETRIC_DEFAULT":
                return self._bring_in(account, key_id, material)
            return self.keys.bring_in(account, key_id, key_spec, material)
        except ValueError:
            raise errors.unsound_key_material(key_spec) from None

    def _bring_in(self, account: str, key_id: str, material: bytes) -> WrappedKey:
        """Raises ValueError for what does not have 256 bits."""
        if len(material) != _BACKING_KEY_SIZE:
            raise ValueError(f"a backing key has {_BACKING_KEY_SIZE} bytes, not {len(material)}")
        name = name_of_material(self._domain_key, account, key_id, material)
        token = self._domain_key.wrap(material, name.encode()).hex()
        return WrappedKey(name, token, "SYMMETRIC_DEFAULT")

    # --- Encryption -----------------------------------------------------------------------

    def encrypt(
        self,
        name: BackingKeyName,
        token: str,
        plaintext: bytes,
        encryption_context: Mapping[str, str] | None,
    ) -> bytes:
        """`plaintext` as a ciphertext blob, under a key derived for this one call."""
        fresh = self._random(NONCE_SIZE + IV_SIZE)
        header = BlobHeader(*name, fresh[:NONCE_SIZE], fresh[NONCE_SIZE:])
        header_bytes = header.encode()
        aead = self._derived_aead(name, token, header.nonce)
        authenticated = header_bytes + canonical(encryption_context)
        sealed = header_bytes + aead.encrypt(header.iv, plaintext, authenticated)
        return sealed + self._domain_key.seal(sealed)

    def read_header(self, blob: bytes) -> BackingKeyName:
        """Which key `blob` needs. Raises InvalidCiphertextException for any blob that this
        domain did not write, byte for byte."""
        if not self._domain_key.seal_fits(blob[:-SEAL_SIZE], blob[-SEAL_SIZE:]):
            raise errors.invalid_ciphertext()
        header, _ = BlobHeader.decode(blob)
        return BackingKeyName(*header[:3])

    def decrypt(
        self, token: str, blob: bytes, encryption_context: Mapping[str, str] | None
    ) -> bytes:
        """The plaintext of `blob`, whose header was read before. Raises
        InvalidCiphertextException where the context is another one than at encryption."""
        header, header_size = BlobHeader.decode(blob)
        aead = self._derived_aead(BackingKeyName(*header[:3]), token, header.nonce)
        authenticated = blob[:header_size] + canonical(encryption_context)
        try:
            return aead.decrypt(header.iv, blob[header_size:-SEAL_SIZE], authenticated)
        except InvalidTag:
            raise errors.invalid_ciphertext() from None

    # --- Tokens and random bytes ----------------------------------------------------------

    def seal_token(self, purpose: bytes, payload: bytes) -> bytes:
        """`payload`, in clear, with a seal that only this domain can make for `purpose`."""
        return self._domain_key.seal_token(purpose, payload)

    def open_token(self, purpose: bytes, sealed: bytes) -> bytes | None:
        """The payload of what `seal_token` made for `purpose`; None for anything else."""
        return self._domain_key.open_token(purpose, sealed)

    def random_bytes(self, size: int) -> bytes:
        return self._random(size)

    def forget(self, name: BackingKeyName) -> None:
        """Drop a backing key whose token has been destroyed."""
        self._backing_keys.pop(name, None)
        self.keys.forget(name)

    def forget_all(self) -> None:
        self._backing_keys.clear()
        self.keys.forget_all()

    def _derived_aead(self, name: BackingKeyName, token: str, nonce: bytes) -> AESGCM:
        backing_key = self._backing_keys.get(name) or self._open(name, token)
        return AESGCM(backing_key.derive(_ENCRYPT_LABEL, nonce))

    def _open(self, name: BackingKeyName, token: str) -> KeyDerivation:
        material = self._domain_key.unwrap(bytes.fromhex(token), name.encode())
        if material is None:
            raise errors.internal_failure()
        if len(self._backing_keys) >= _CACHED_KEYS:
            self._backing_keys.clear()
        backing_key = self._backing_keys[name] = KeyDerivation(material)
        return backing_key
