"""The life of keys at random: legal and illegal calls, moves of the clock, and a plain model.

After each step every key is compared with the model: its state, its rotations, its last use, its
aliases and tags. A refusal must be the one that the guide's table has. Whatever was encrypted under
a key that still lives opens, through rotations, deletions that were cancelled, and restarts.
"""

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from life_model import DAY, SOON, WRONG_WINDOW, Key, Refusal

from kmslab import Lab, StillClock

START = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = {"purpose": "a test"}
ALIASES = [f"alias/{name}" for name in "abc"]


class Sealed(NamedTuple):
    """A ciphertext, what is in it, and the key and material that it was made with."""

    blob: bytes
    plaintext: bytes
    arn: str
    material_id: str


class Lives(RuleBasedStateMachine):
    """A lab with a directory, and the model of every key that it ever had."""

    keys = Bundle("keys")
    ciphertexts = Bundle("ciphertexts")

    @initialize()
    def begin(self) -> None:
        self.context = ExitStack()
        self.directory = self.context.enter_context(tempfile.TemporaryDirectory())
        self.now = START.timestamp()
        self.model: dict[str, Key] = {}
        self.sealed: list[Sealed] = []
        self.lab: Lab | None = None
        self.reopen()

    @rule()
    def reopen(self) -> None:
        """The process ends, and another one opens the directory."""
        if self.lab:
            self.lab.close()
        self.lab = Lab(self.directory, clock=StillClock(START, step=timedelta(0)))
        self.kms = self.lab.client("kms")

    def teardown(self) -> None:
        if not hasattr(self, "context"):
            return
        try:
            self.open_everything()
        finally:
            self.lab.close()
            self.context.close()

    def open_everything(self) -> None:
        """Every key that still lives can be brought back, and then opens all its ciphertexts."""
        for arn, key in self.model.items():
            if key.state == "PendingDeletion" and not key.gone:
                self.kms.cancel_key_deletion(KeyId=arn)
            if not key.gone:
                self.kms.enable_key(KeyId=arn)
        for each in self.sealed:
            if not self.model[each.arn].gone:
                self.opens(each)

    def opens(self, each: Sealed) -> None:
        answer = self.kms.decrypt(CiphertextBlob=each.blob, EncryptionContext=PAIR)
        assert (answer["Plaintext"], answer["KeyMaterialId"]) == (each.plaintext, each.material_id)

    # --- Calls ----------------------------------------------------------------------------

    def call(self, expected: Refusal, arn: str, operation: str, **asked: Any) -> Any:
        """The answer, or None where the call was refused as `expected`."""
        try:
            answer = getattr(self.kms, operation)(**asked)
        except ClientError as refused:
            error = refused.response["Error"]
            assert expected, f"{operation} was refused: {error}"
            code, ending = expected
            assert error["Code"] == code
            assert error["Message"].endswith(ending.format(arn)), error
            return None
        assert expected is None, f"{operation} was not refused with {expected}"
        return answer

    @rule(target=keys, symmetric=st.sampled_from([True, True, True, False]))
    def create(self, symmetric: bool) -> str:
        kind = {} if symmetric else {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
        arn: str = self.kms.create_key(**kind)["KeyMetadata"]["Arn"]
        self.model[arn] = Key(symmetric, self.now)
        return arn

    @rule(arn=keys, enabled=st.booleans())
    def switch(self, arn: str, enabled: bool) -> None:
        key, operation = self.model[arn], "EnableKey" if enabled else "DisableKey"
        expected = key.refusal(operation)
        self.call(expected, arn, "enable_key" if enabled else "disable_key", KeyId=arn)
        if not expected and enabled:
            key.enable(self.now)
        elif not expected:
            key.state = "Disabled"

    @rule(arn=keys, days=st.sampled_from([6, 7, 14, 30, 31]))
    def schedule_deletion(self, arn: str, days: int) -> None:
        key = self.model[arn]
        expected = key.refusal("ScheduleKeyDeletion")
        if not expected and not 7 <= days <= 30:
            expected = WRONG_WINDOW
        self.call(expected, arn, "schedule_key_deletion", KeyId=arn, PendingWindowInDays=days)
        if not expected:
            key.schedule_deletion(self.now, days)

    @rule(arn=keys)
    def cancel_deletion(self, arn: str) -> None:
        expected = self.model[arn].refusal("CancelKeyDeletion")
        self.call(expected, arn, "cancel_key_deletion", KeyId=arn)
        if not expected:
            self.model[arn].cancel_deletion()

    @rule(arn=keys, days=st.sampled_from([0, 90, 90, 120, 365]))
    def set_rotation(self, arn: str, days: int) -> None:
        """A period of 0 days stands for DisableKeyRotation."""
        key = self.model[arn]
        expected = key.refusal_of_rotation("EnableKeyRotation", self.now)
        asked = {"RotationPeriodInDays": days} if days else {}
        operation = "enable_key_rotation" if days else "disable_key_rotation"
        self.call(expected, arn, operation, KeyId=arn, **asked)
        if not expected:
            key.set_rotation(self.now, days)

    @rule(arn=keys, times=st.sampled_from([1, 1, 1, 13]))
    def rotate_on_demand(self, arn: str, times: int) -> None:
        key = self.model[arn]
        for _ in range(times):
            expected = key.refusal_of_rotation("RotateKeyOnDemand", self.now)
            self.call(expected, arn, "rotate_key_on_demand", KeyId=arn)
            if not expected:
                key.rotate(self.now, on_demand=True)

    @rule(arn=keys, alias_name=st.sampled_from(ALIASES))
    def name(self, arn: str, alias_name: str) -> None:
        """CreateAlias, or UpdateAlias where the name is taken."""
        key, holder = self.model[arn], self.holder_of(alias_name)
        if holder and holder.symmetric != key.symmetric:
            return
        expected = key.refusal("UpdateAlias" if holder else "CreateAlias")
        operation = "update_alias" if holder else "create_alias"
        self.call(expected, arn, operation, AliasName=alias_name, TargetKeyId=arn)
        if not expected:
            for each in self.model.values():
                each.aliases.discard(alias_name)
            key.aliases.add(alias_name)

    @rule(alias_name=st.sampled_from(ALIASES))
    def take_name_away(self, alias_name: str) -> None:
        holder = self.holder_of(alias_name)
        if holder:
            self.kms.delete_alias(AliasName=alias_name)
            holder.aliases.discard(alias_name)

    def holder_of(self, alias_name: str) -> Key | None:
        living = (key for key in self.model.values() if not key.gone)
        return next((key for key in living if alias_name in key.aliases), None)

    @rule(arn=keys, tag=st.sampled_from("xy"), add=st.booleans())
    def tag(self, arn: str, tag: str, add: bool) -> None:
        key = self.model[arn]
        expected = key.refusal("TagResource" if add else "UntagResource")
        if add:
            tags = [{"TagKey": tag, "TagValue": ""}]
            self.call(expected, arn, "tag_resource", KeyId=arn, Tags=tags)
        else:
            self.call(expected, arn, "untag_resource", KeyId=arn, TagKeys=[tag])
        if not expected:
            (key.tags.add if add else key.tags.discard)(tag)

    # --- Cryptography ---------------------------------------------------------------------

    @rule(target=ciphertexts, arn=keys, plaintext=st.binary(min_size=1, max_size=8))
    def encrypt(self, arn: str, plaintext: bytes) -> Sealed | None:
        key = self.model[arn]
        expected = key.refusal("Encrypt")
        if not expected and not key.symmetric:
            expected = ("InvalidKeyUsageException", "which is not valid for Encrypt.")
        asked = {"KeyId": arn, "Plaintext": plaintext, "EncryptionContext": PAIR}
        answer = self.call(expected, arn, "encrypt", **asked)
        if answer is None:
            return None
        key.last_use = ("Encrypt", self.now)
        return self.keep(Sealed(answer["CiphertextBlob"], plaintext, arn, self.current(arn)))

    @rule(target=ciphertexts, arn=keys)
    def generate_data_key(self, arn: str) -> Sealed | None:
        key = self.model[arn]
        if not key.symmetric:
            return None
        asked = {"KeyId": arn, "KeySpec": "AES_256", "EncryptionContext": PAIR}
        answer = self.call(key.refusal("GenerateDataKey"), arn, "generate_data_key", **asked)
        if answer is None:
            return None
        key.last_use = ("GenerateDataKey", self.now)
        assert answer["KeyMaterialId"] == self.current(arn)
        made = Sealed(answer["CiphertextBlob"], answer["Plaintext"], arn, self.current(arn))
        return self.keep(made)

    @rule(each=ciphertexts)
    def decrypt(self, each: Sealed | None) -> None:
        if each is None:
            return
        key = self.model[each.arn]
        expected = self.refusal_by_ciphertext(key, "Decrypt")
        if expected:
            asked = {"CiphertextBlob": each.blob, "EncryptionContext": PAIR}
            self.call(expected, each.arn, "decrypt", **asked)
        else:
            self.opens(each)
            key.last_use = ("Decrypt", self.now)

    @rule(target=ciphertexts, each=ciphertexts, arn=keys)
    def re_encrypt(self, each: Sealed | None, arn: str) -> Sealed | None:
        if each is None or not self.model[arn].symmetric:
            return None
        source, destination = self.model[each.arn], self.model[arn]
        of_source = self.refusal_by_ciphertext(source, "ReEncrypt")
        expected = of_source or destination.refusal("ReEncrypt")
        answer = self.call(
            expected,
            each.arn if of_source else arn,
            "re_encrypt",
            CiphertextBlob=each.blob,
            SourceEncryptionContext=PAIR,
            DestinationKeyId=arn,
            DestinationEncryptionContext=PAIR,
        )
        if answer is None:
            return None
        source.last_use = destination.last_use = ("ReEncrypt", self.now)
        assert answer["SourceKeyMaterialId"] == each.material_id
        assert answer["DestinationKeyMaterialId"] == self.current(arn)
        moved = Sealed(answer["CiphertextBlob"], each.plaintext, arn, self.current(arn))
        return self.keep(moved)

    def refusal_by_ciphertext(self, key: Key, operation: str) -> Refusal:
        """A ciphertext does not tell that its key is gone."""
        hidden = ("AccessDeniedException", "a resource-based policy explicitly denies access")
        return hidden if key.gone else key.refusal(operation)

    def keep(self, each: Sealed) -> Sealed:
        self.sealed.append(each)
        return each

    def current(self, arn: str) -> str:
        metadata = self.kms.describe_key(KeyId=arn)["KeyMetadata"]
        return str(metadata["CurrentKeyMaterialId"])

    # --- The clock ------------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 6, 7, 29, 30, 89, 90, 200, 800]))
    def days_pass(self, days: int) -> None:
        self.pass_to(self.now + days * DAY)

    @rule(arn=keys, early=st.sampled_from([0, 1, SOON, SOON + 1]))
    def the_next_rotation_comes_near(self, arn: str, early: int) -> None:
        when = self.model[arn].next_rotation
        if when is not None and when - early > self.now:
            self.pass_to(when - early)

    def pass_to(self, when: float) -> None:
        self.lab.clock.advance(seconds=when - self.now)
        self.now = when
        for key in self.model.values():
            if not key.gone:
                key.live_until(when)

    # --- What can be seen -----------------------------------------------------------------

    @invariant()
    def every_key_is_as_the_model_has_it(self) -> None:
        for arn, key in getattr(self, "model", {}).items():
            if key.gone:
                self.call(key.refusal("EnableKey"), arn, "describe_key", KeyId=arn)
                continue
            self.state_is_right(arn, key)
            self.names_are_right(arn, key)
            if key.symmetric:
                self.rotation_is_right(arn, key)

    def state_is_right(self, arn: str, key: Key) -> None:
        metadata = self.kms.describe_key(KeyId=arn)["KeyMetadata"]
        told = metadata["KeyState"], metadata["Enabled"], _seconds(metadata.get("DeletionDate"))
        assert told == (key.state, key.state == "Enabled", key.deletion_date)
        usage = self.kms.get_key_last_usage(KeyId=arn)["KeyLastUsage"]
        last_use = (usage["Operation"], _seconds(usage["Timestamp"])) if usage else None
        assert last_use == key.last_use

    def names_are_right(self, arn: str, key: Key) -> None:
        aliases = self.kms.list_aliases(KeyId=arn)["Aliases"]
        assert {alias["AliasName"] for alias in aliases} == key.aliases
        tags = self.kms.list_resource_tags(KeyId=arn)["Tags"]
        assert {tag["TagKey"] for tag in tags} == key.tags

    def rotation_is_right(self, arn: str, key: Key) -> None:
        status = self.kms.get_key_rotation_status(KeyId=arn)
        assert status["KeyRotationEnabled"] == key.shows_rotation
        if key.shows_rotation:
            schedule = status["RotationPeriodInDays"], _seconds(status["NextRotationDate"])
            assert schedule == (key.period, key.next_rotation)
        answer = self.kms.list_key_rotations(KeyId=arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        first, *rotations = answer["Rotations"]
        kinds = {True: "ON_DEMAND", False: "AUTOMATIC"}
        told = [(_seconds(each["RotationDate"]), each["RotationType"]) for each in rotations]
        assert told == [(each.when, kinds[each.on_demand]) for each in key.rotations]
        assert "RotationDate" not in first
        states = [each["KeyMaterialState"] for each in answer["Rotations"]]
        assert states == ["NON_CURRENT"] * key.material + ["CURRENT"]
        assert len({each["KeyMaterialId"] for each in answer["Rotations"]}) == key.material + 1

    @invariant()
    def kms_told_what_it_did_itself(self) -> None:
        if not getattr(self, "lab", None):
            return
        names = [event["eventName"] for event in self.lab.events()]
        assert names.count("DeleteKey") == sum(key.gone for key in self.model.values())
        rotations = sum(len(key.rotations) for key in self.model.values())
        assert names.count("RotateKey") == rotations


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when else None


Lives.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLives = Lives.TestCase
