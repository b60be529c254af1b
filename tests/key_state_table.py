"""Which state of a key stops which operation, copied by hand from the table of the KMS Developer
Guide ("Key states"): a column for each of STATES, and in it AWS's error or GOES.
"""

D1 = ("DisabledException", "is disabled.")
S3 = ("KMSInvalidStateException", "is pending deletion.")
S4 = ("KMSInvalidStateException", "is not pending deletion.")
S5 = ("KMSInvalidStateException", "is pending import.")
S11 = ("KMSInvalidStateException", "is unavailable.")
S14 = ("KMSInvalidStateException", "is creating.")
S15 = ("KMSInvalidStateException", "is updating.")
# What works, or is refused for what the key is and not for its state.
GOES = None

STATES = (
    *("Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion"),
    *("PendingImport", "Unavailable", "Creating", "Updating"),
)
IN_CRYPTOGRAPHY = (GOES, D1, S3, S3, S5, S11, S14, GOES)
TO_CHANGE = (GOES, GOES, S3, S3, GOES, GOES, GOES, GOES)
OF_EVERY_STATE = {
    **dict.fromkeys(("Encrypt", "Decrypt", "ReEncrypt", "GenerateMac"), IN_CRYPTOGRAPHY),
    **dict.fromkeys(("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"), IN_CRYPTOGRAPHY),
    **dict.fromkeys(("GenerateDataKeyPair", "Sign", "Verify", "VerifyMac"), IN_CRYPTOGRAPHY),
    **dict.fromkeys(("GenerateDataKeyPairWithoutPlaintext", "GetPublicKey"), IN_CRYPTOGRAPHY),
    **dict.fromkeys(("DeriveSharedSecret", "Encapsulate", "Decapsulate"), IN_CRYPTOGRAPHY),
    "CreateGrant": (GOES, D1, S3, S3, S5, GOES, S14, GOES),
    **dict.fromkeys(("CreateAlias", "UpdateAlias", "TagResource", "UntagResource"), TO_CHANGE),
    "UpdateKeyDescription": TO_CHANGE,
    **dict.fromkeys(("EnableKey", "DisableKey"), (GOES, GOES, S3, S3, S5, GOES, S14, S15)),
    "ScheduleKeyDeletion": (GOES, GOES, S3, S3, GOES, GOES, GOES, S15),
    "CancelKeyDeletion": (S4, S4, GOES, GOES, S4, S4, S4, S4),
    "EnableKeyRotation": (GOES, D1, S3, S3, GOES, GOES, S14, GOES),
    "DisableKeyRotation": (GOES, D1, S3, S3, GOES, GOES, S14, GOES),
    "RotateKeyOnDemand": (GOES, D1, S3, S3, S5, GOES, S14, GOES),
    "GetParametersForImport": (GOES, GOES, S3, S3, GOES, GOES, S14, S15),
    "ImportKeyMaterial": (GOES, GOES, S3, S3, GOES, GOES, S14, GOES),
    "DeleteImportedKeyMaterial": (GOES, GOES, GOES, GOES, GOES, GOES, S14, S15),
    "ReplicateKey": (GOES, D1, S3, S3, S5, GOES, S14, S15),
    "UpdatePrimaryRegion": (GOES, D1, S3, S3, S5, GOES, S14, GOES),
}
