"""The prod stack: room for load and for one zone to fail, and data that no single mistake destroys."""

from stacks.environment import environment
from stacks.settings import StackSettings, configured_account, configured_region


def deploy() -> None:
    """Registers the stack's resources and outputs."""
    environment(
        StackSettings(
            stack="prod",
            region=configured_region(),
            account_id=configured_account(),
            zones="abc",
            protect_data=True,
            network_flow_logs=True,
            database_min_capacity=2,
            database_max_capacity=16,
            database_instances=2,
            database_backup_days=30,
            database_login="iam",
            rate_limit_ecpu_per_second=10_000,
            api_memory_mb=1024,
            api_reserved_concurrency=200,
            worker_concurrency=20,
            log_retention_days=90,
            cors_origins=("https://app.example.com",),
        )
    )
