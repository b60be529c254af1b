"""Typical wrong answers to the exercises of notebook 02, each with the mistake it makes."""

import json
import os


def joined(pairs):
    return "".join(name + value for name, value in sorted(pairs.items())).encode()


def with_separators(pairs):
    return "&".join(f"{name}={value}" for name, value in sorted(pairs.items())).encode()


def in_the_given_order(pairs):
    return json.dumps(pairs).encode()


def without_accents(pairs):
    texts = [text.encode("ascii", "ignore") for pair in sorted(pairs.items()) for text in pair]
    return b"".join(len(text).to_bytes(4, "big") + text for text in texts)


def sorted_texts(pairs):
    texts = sorted(text for pair in pairs.items() for text in pair)
    return b"".join(len(text).to_bytes(4, "big") + text.encode() for text in texts)


def with_a_rare_separator(pairs):
    return "\x1f".join(text for pair in sorted(pairs.items()) for text in pair).encode()


def names_before_values(pairs):
    names = sorted(pairs)
    return ("\x1f".join(names) + "\x1e" + "\x1f".join(pairs[name] for name in names)).encode()


def length_before_the_name_only(pairs):
    encoded = [(name.encode(), value.encode()) for name, value in sorted(pairs.items())]
    return b"".join(len(name).to_bytes(4, "big") + name + value for name, value in encoded)


def decimal_lengths_without_an_end(pairs):
    texts = [text for pair in sorted(pairs.items()) for text in pair]
    return "".join(f"{len(text)}{text}" for text in texts).encode()


def lengths_in_one_byte(pairs):
    encoded = [text.encode() for pair in sorted(pairs.items()) for text in pair]
    return b"".join(len(text).to_bytes(1, "big") + text for text in encoded)


def lengths_up_to_255(pairs):
    encoded = [text.encode() for pair in sorted(pairs.items()) for text in pair]
    return b"".join(bytes([min(len(text), 255)]) + text for text in encoded)


def lengths_modulo_256(pairs):
    encoded = [text.encode() for pair in sorted(pairs.items()) for text in pair]
    return b"".join(bytes([len(text) % 256]) + text for text in encoded)


def in_fixed_fields(pairs):
    texts = [text for pair in sorted(pairs.items()) for text in pair]
    return b"".join(text.encode().ljust(400, b"\0") for text in texts)


def hashed(pairs):
    return str(hash(tuple(sorted(pairs.items())))).encode()


def decrypts_and_encrypts(kms, ciphertext, owner, new_owner, key_id):
    plaintext = kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext={"owner": owner})
    return kms.encrypt(
        KeyId=key_id, Plaintext=plaintext["Plaintext"], EncryptionContext={"owner": new_owner}
    )["CiphertextBlob"]


def keeps_the_old_owner(kms, ciphertext, owner, new_owner, key_id):
    return kms.re_encrypt(
        CiphertextBlob=ciphertext,
        SourceEncryptionContext={"owner": owner},
        DestinationKeyId=key_id,
        DestinationEncryptionContext={"owner": owner},
    )["CiphertextBlob"]


def forgets_the_new_context(kms, ciphertext, owner, new_owner, key_id):
    return kms.re_encrypt(
        CiphertextBlob=ciphertext,
        SourceEncryptionContext={"owner": owner},
        DestinationKeyId=key_id,
    )["CiphertextBlob"]


def keeps_the_old_key(kms, ciphertext, owner, new_owner, key_id):
    opened = kms.re_encrypt(
        CiphertextBlob=ciphertext,
        SourceEncryptionContext={"owner": owner},
        DestinationKeyId=key_id,
    )
    return kms.re_encrypt(
        CiphertextBlob=opened["CiphertextBlob"],
        DestinationKeyId=opened["SourceKeyId"],
        DestinationEncryptionContext={"owner": new_owner},
    )["CiphertextBlob"]


def one_call(kms, size):
    return kms.generate_random(NumberOfBytes=size)["Plaintext"]


def one_call_repeated(kms, size):
    block = kms.generate_random(NumberOfBytes=min(size, 1024))["Plaintext"]
    return (block * (size // len(block) + 1))[:size]


def byte_by_byte(kms, size):
    return b"".join(kms.generate_random(NumberOfBytes=1)["Plaintext"] for _ in range(size))


def not_from_kms(kms, size):
    return os.urandom(size)


def whole_blocks(kms, size):
    calls = range(-(-size // 1024))
    return b"".join(kms.generate_random(NumberOfBytes=1024)["Plaintext"] for _ in calls)


WRONG = {
    "02-1": [
        ("puts names and values one after the other", joined),
        ("trusts separators", with_separators),
        ("depends on the order", in_the_given_order),
        ("drops letters", without_accents),
        ("sorts names and values together", sorted_texts),
        ("trusts a rare separator", with_a_rare_separator),
        ("writes all names, then all values", names_before_values),
        ("writes the length of the name only", length_before_the_name_only),
        ("does not end a decimal length", decimal_lengths_without_an_end),
        ("writes lengths in one byte", lengths_in_one_byte),
        ("cuts lengths at 255", lengths_up_to_255),
        ("begins lengths anew at 256", lengths_modulo_256),
        ("fills fields of a fixed size", in_fixed_fields),
        ("takes a hash", hashed),
    ],
    "02-2": [
        ("holds the plaintext", decrypts_and_encrypts),
        ("keeps the old owner", keeps_the_old_owner),
        ("forgets the new context", forgets_the_new_context),
        ("goes back to the old key", keeps_the_old_key),
    ],
    "02-3": [
        ("asks once for all", one_call),
        ("repeats one block", one_call_repeated),
        ("asks for every byte", byte_by_byte),
        ("does not ask KMS", not_from_kms),
        ("returns whole blocks", whole_blocks),
    ],
}
