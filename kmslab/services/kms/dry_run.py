"""DryRun: all that a call checks is checked, and then nothing is done.

That everything would have gone well is an exception too, DryRunOperationException. With the
modifier IGNORE_CIPHERTEXT nobody looks at the ciphertext, which then need not be sent: only the
keys that are named are found, authorised and looked at (KMS Developer Guide, "Testing your
permissions").
"""

from kmslab import errors
from kmslab.services.call import Call


def refuse_dry_run(call: Call) -> None:
    """A dry run ends here: all checks have passed."""
    if call.parameters.get("DryRun"):
        raise errors.dry_run()


def ignores_ciphertext(call: Call) -> bool:
    """Whether the call asks what it may do with a ciphertext that nobody looks at. Modifiers say
    nothing about a call that is no dry run."""
    asked = call.parameters
    return bool(asked.get("DryRun")) and "IGNORE_CIPHERTEXT" in asked.get("DryRunModifiers", ())


def require_ciphertext(call: Call) -> None:
    """Raises ValidationException without the CiphertextBlob that the service model leaves
    optional for a dry run's sake."""
    if "CiphertextBlob" not in call.parameters and not ignores_ciphertext(call):
        raise errors.constraints(
            ["Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null"]
        )


def refuse_dry_run_without_ciphertext(call: Call) -> None:
    """A dry run that ignores the ciphertext ends here: the keys are found, authorised and fit."""
    if ignores_ciphertext(call):
        raise errors.dry_run()
