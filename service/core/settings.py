"""What the environment tells the service. See `Settings` for each variable; AWS clients read their own."""

import os
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Settings(BaseModel):
    """The service's environment variables, checked once, at their first use.

    Either `DATABASE_URL` or `DATABASE_HOST` with `DATABASE_NAME` and `DATABASE_SECRET_ARN` says where the database is.
    """

    # An error names the variable and never shows what is in it.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    plinth_stack: str = "local"
    """The stack this process belongs to; it appears in every log line."""

    database_url: SecretStr | None = None
    """A SQLAlchemy URL (`postgresql+psycopg://…`). It replaces the other DATABASE_ variables."""

    database_host: str | None = None
    database_port: int = 5432
    database_name: str = "postgres"

    database_secret_arn: str | None = None
    """A Secrets Manager secret holding `{"username": …, "password": …}`."""

    database_admin_secret_arn: str | None = None
    """The same for the user who changes the schema and keeps the other secret. Only migrations need it."""

    signing_keys: SecretStr | None = None
    """The keys themselves, as `service.core.keys` describes them: for a service without AWS. Replaces the next."""

    signing_keys_secret_arn: str | None = None
    """A Secrets Manager secret holding the keys."""

    rate_limit_storage_uri: str = Field(default="memory://", pattern=r"^(memory|valkeys?)://")
    """Where requests are counted for all instances: `valkeys://host:6379`. `memory://` is for one process alone."""

    queue_url: str | None = None
    """The SQS queue of runs. Without it runs stay queued."""

    queue_max_receives: int = Field(default=5, ge=1)
    """Deliveries of a message before SQS moves it to the dead-letter queue."""

    sandbox_function: str | None = None
    """The Lambda function that sandboxes are cloned from. Only the worker needs it."""

    aws_lambda_function_name: str | None = None
    """Set by Lambda. Its presence means one request at a time in this process."""

    @model_validator(mode="after")
    def _a_host_needs_credentials(self) -> "Settings":
        if self.database_url is None and self.database_host is not None and self.database_secret_arn is None:
            raise ValueError("DATABASE_HOST is set without DATABASE_SECRET_ARN: nothing says how to log in")
        return self


def service_name() -> str:
    """What logs, metrics and traces call this process: the variable of powertools, else the function's name."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or get_settings().aws_lambda_function_name or "plinth"


@lru_cache
def get_settings() -> Settings:
    """The settings of this process."""
    # By hand: pydantic-settings reads a dozen kinds of sources, and would be a fiftieth of a cold start.
    read = {name: os.environ.get(name.upper()) for name in Settings.model_fields}
    return Settings.model_validate({name: value for name, value in read.items() if value is not None})
