"""Wrapping keys alone: the inner wrap against NIST's vectors, and what a token gives away."""

import re

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import serialization
from key_imports import DIRECT, HYBRID, wrap_in_python

from kmslab.sources import insecure_seeded_random, system_random
from kmslab.vault import wrapping_keys
from kmslab.vault.domain_key import SIZE, DomainKey
from kmslab.vault.wrapping_keys import ImportTerms, WrappingKeys

ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def terms(algorithm=DIRECT[1], spec="RSA_2048", valid_to=1_800_000_000.25):
    return ImportTerms(ARN, spec, algorithm, valid_to)


@pytest.fixture(scope="module")
def domain():
    return DomainKey(system_random(SIZE), system_random)


def published_unwraps():
    """Key, wrapped and, where it unwraps, the plaintext (NIST CAVS, KWP-AD with AES-256)."""
    with cryptography_vectors.open_vector_file("keywrap/kwtestvectors/KWP_AD_256.txt", "r") as file:
        text = file.read()
    found = re.findall(r"K = (\w+)\s+C = (\w+)\s+(?:P = (\w+)|FAIL)", text)
    return [tuple(map(bytes.fromhex, each)) for each in found]


def test_the_inner_wrap_is_that_of_the_standard():
    """RFC 5649 and SP 800-38F: also what must not unwrap."""
    vectors = published_unwraps()
    outcomes = [wrapping_keys._unwrap_second(key, wrapped) for key, wrapped, _ in vectors]
    assert outcomes == [plaintext or None for _, _, plaintext in vectors]
    assert outcomes.count(None) >= 100
    assert len(outcomes) - outcomes.count(None) >= 100


@pytest.mark.parametrize("algorithm", [*DIRECT, *HYBRID])
def test_what_was_wrapped_outside_unwraps_with_the_token_alone(domain, algorithm):
    made = WrappingKeys(domain, system_random).create(terms(algorithm))
    wrapped = wrap_in_python(made.public_key, algorithm, b"material")
    # Another process of the same domain: nothing was kept.
    assert WrappingKeys(domain, system_random).unwrap(made.import_token, wrapped) == b"material"


@pytest.mark.parametrize("valid_to", [0.0, 1_800_000_000.25, 253_402_300_799.999])
def test_the_terms_of_a_token_are_those_it_was_made_for(domain, valid_to):
    keys = WrappingKeys(domain, system_random)
    asked = terms(valid_to=valid_to)
    assert keys.terms_of(keys.create(asked).import_token) == asked


def test_only_its_own_domain_opens_a_token(domain):
    token = WrappingKeys(domain, system_random).create(terms()).import_token
    other = WrappingKeys(DomainKey(system_random(SIZE), system_random), system_random)
    assert other.terms_of(token) is None
    assert other.unwrap(token, b"x") is None


def test_the_private_key_does_not_stand_in_the_token_in_clear(domain):
    made = WrappingKeys(domain, system_random).create(terms())
    modulus = serialization.load_der_public_key(made.public_key).public_numbers().n
    assert modulus.to_bytes(256, "big") not in made.import_token
    assert ARN.encode() in made.import_token


def test_an_exported_key_token_is_no_import_token_and_the_other_way_round(domain):
    name = b"111122223333:an-id:" + b"00" * 32
    assert WrappingKeys(domain, system_random).terms_of(domain.wrap(b"key", name)) is None
    made = WrappingKeys(domain, system_random).create(terms())
    assert domain.unwrap(made.import_token, name) is None


def test_names_of_material_are_those_of_one_domain():
    random = insecure_seeded_random(1)
    domains = [DomainKey(random(SIZE), random) for _ in range(2)]
    names = {domain.name_material(owner, b"m") for domain in domains for owner in (b"a:", b"b:")}
    assert len(names) == 4
    assert domains[0].name_material(b"a:", b"m") in names
