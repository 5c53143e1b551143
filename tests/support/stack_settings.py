"""The settings of a stack as small as it goes, for tests to change."""

from collections.abc import Mapping
from typing import Any

from stacks.settings import StackSettings
from tests.support.evaluation import ACCOUNT, REGION

REQUIRED: Mapping[str, Any] = {
    "stack": "test",
    "region": REGION,
    "account_id": ACCOUNT,
    "zones": "ab",
    "protect_data": False,
    "database_min_capacity": 0.5,
    "database_max_capacity": 2,
    "database_instances": 1,
    "database_backup_days": 7,
    "worker_concurrency": 5,
    "log_retention_days": 7,
}
"""Those that every stack has to give."""


def settings_with(**changed: Any) -> StackSettings:
    """The settings, with these in place of the usual ones."""
    return StackSettings(**{**REQUIRED, **changed})
