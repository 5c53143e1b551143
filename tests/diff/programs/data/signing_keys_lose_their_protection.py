"""A secret that could be brought back for a month would be gone at once."""

from components.signing_keys import SigningKeys


def before() -> None:
    """Protected."""
    SigningKeys("signing-keys", {})


def after() -> None:
    """Not."""
    SigningKeys("signing-keys", {"deletion_protection": False})


CHANGES = ["update aws:secretsmanager/secret:Secret signing-keys: recoveryWindowInDays, [protect]"]
RISKS = ["data-loss protection-removed signing-keys"]
