"""Without its key nothing can be read, whether that is gone or only off."""

import pulumi_aws as aws


def before() -> None:
    """Three keys."""
    aws.kms.Key("old", deletion_window_in_days=7)
    aws.kms.Key("off")
    aws.kms.Key("hasty")


def after() -> None:
    """One is gone, one is disabled, and one would be gone sooner."""
    aws.kms.Key("off", is_enabled=False)
    aws.kms.Key("hasty", deletion_window_in_days=7)


CHANGES = [
    "delete aws:kms/key:Key old",
    "update aws:kms/key:Key hasty: deletionWindowInDays",
    "update aws:kms/key:Key off: isEnabled",
]
RISKS = ["data-loss deleted old", "data-loss protection-removed hasty", "data-loss key-disabled off"]
