"""The dev stack: everything prod has, as small as it goes, and free to be destroyed."""

from stacks.environment import environment
from stacks.settings import StackSettings, configured_account, configured_region


def deploy() -> None:
    """Registers the stack's resources and outputs."""
    environment(
        StackSettings(
            stack="dev",
            region=configured_region(),
            account_id=configured_account(),
            zones="ab",
            protect_data=False,
            network_egress="ipv6",
            database_min_capacity=0.5,
            database_max_capacity=2,
            database_instances=1,
            database_backup_days=1,
            worker_concurrency=10,
            log_retention_days=7,
            cors_origins=("http://localhost:3000", "http://localhost:5173"),
        )
    )
