"""An import as the KMS Developer Guide has it step by step: the AWS CLI, `openssl`, and files.

And related keys in two Regions over HTTP, since that is where Regions are told apart by requests.
"""

import base64
import json

import pytest
from conftest import required_program
from key_imports import DIRECT, HYBRID, PAIRS, private_bytes, public_bytes, wrap_with_program
from serving_session import serving


@pytest.fixture(scope="module")
def server():
    with serving("--allow-control") as running:
        yield running


def kms(server, operation, *arguments):
    """The JSON that the CLI printed; it must have gone well."""
    ran = server.aws("kms", operation, *map(str, arguments))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout) if ran.stdout.strip() else None


NEVER = ("--expiration-model", "KEY_MATERIAL_DOES_NOT_EXPIRE")
TOO_LATE = ("--expiration-model", "KEY_MATERIAL_EXPIRES", "--valid-to", "2099-01-01T00:00:00Z")


def import_files(server, key_id, algorithm, material, folder, terms=NEVER):
    """The guide's three steps, with a file for each thing that travels."""
    key = ("--key-id", key_id)
    wrapping = ("--wrapping-algorithm", algorithm, "--wrapping-key-spec", "RSA_3072")
    given = kms(server, "get-parameters-for-import", *key, *wrapping)
    token, wrapped = folder / "token", folder / "wrapped"
    token.write_bytes(base64.b64decode(given["ImportToken"]))
    wrap = wrap_with_program(required_program("openssl"), folder)
    public_key = base64.b64decode(given["PublicKey"])
    wrapped.write_bytes(wrap(public_key, algorithm, material))
    files = ("--import-token", f"fileb://{token}", "--encrypted-key-material", f"fileb://{wrapped}")
    return kms(server, "import-key-material", *key, *files, *terms)


def test_a_year_is_the_most_and_the_cli_says_so(server, tmp_path):
    key_id = kms(server, "create-key", "--origin", "EXTERNAL")["KeyMetadata"]["KeyId"]
    with pytest.raises(AssertionError, match="365 days"):
        import_files(server, key_id, DIRECT[1], bytes(32), tmp_path, TOO_LATE)


def test_material_that_openssl_wrapped_is_imported_by_the_cli(server, tmp_path):
    kind = ("--key-spec", "ECC_NIST_P256", "--key-usage", "SIGN_VERIFY")
    made = kms(server, "create-key", "--origin", "EXTERNAL", *kind)["KeyMetadata"]
    assert made["KeyState"] == "PendingImport"
    private_key = PAIRS["ECC_NIST_P256"][1]()
    import_files(server, made["KeyId"], HYBRID[1], private_bytes(private_key), tmp_path)
    known = kms(server, "get-public-key", "--key-id", made["KeyId"])
    assert base64.b64decode(known["PublicKey"]) == public_bytes(private_key)


def test_a_replica_made_by_the_cli_opens_in_its_region_what_the_primary_encrypted(server, tmp_path):
    key_id = kms(server, "create-key", "--multi-region")["KeyMetadata"]["KeyId"]
    there = ("--region", "eu-west-1")
    kms(server, "replicate-key", "--key-id", key_id, "--replica-region", "eu-west-1")
    server.http("POST", "/_kmslab/advance?seconds=10")
    described = kms(server, "describe-key", "--key-id", key_id, *there)["KeyMetadata"]
    assert described["KeyState"] == "Enabled"
    plain, blob = tmp_path / "plain", tmp_path / "blob"
    plain.write_bytes(b"from Virginia")
    sealed = kms(server, "encrypt", "--key-id", key_id, "--plaintext", f"fileb://{plain}")
    blob.write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = kms(server, "decrypt", "--ciphertext-blob", f"fileb://{blob}", *there)
    assert base64.b64decode(opened["Plaintext"]) == b"from Virginia"
    assert opened["KeyId"].startswith("arn:aws:kms:eu-west-1:")
