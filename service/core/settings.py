"""What the environment tells the service. See `Settings` for each variable; AWS clients read their own."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Settings(BaseModel):
    """The service's environment variables, checked once, at their first use.

    Either `DATABASE_URL` says where the database is, or `DATABASE_HOST` and `DATABASE_NAME` do, together with what
    `DATABASE_LOGIN` takes. A secret may also be in a file: `SIGNING_KEYS_FILE` names that of `SIGNING_KEYS`.
    """

    # An error names the variable and never shows what is in it.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    plinth_stack: str = "local"
    """The stack this process belongs to; it appears in every log line."""

    database_url: SecretStr | None = None
    """A SQLAlchemy URL (`postgresql+psycopg://…`). It replaces the other DATABASE_ variables."""

    database_password: SecretStr | None = None
    """The password that goes with `DATABASE_URL`, where that holds none."""

    database_application_password: SecretStr | None = None
    """What migrations let the application's role log in with, where no secret of AWS keeps it."""

    database_host: str | None = None
    database_port: int = 5432
    database_name: str = "postgres"

    database_login: Literal["password", "iam", "ambient"] = "password"
    """How to log in: with what `DATABASE_SECRET_ARN` holds; as `DATABASE_USER`, with a token of IAM for each
    connection; or as `DATABASE_USER`, with whatever libpq finds by its own means, such as a `PGPASSFILE`."""

    database_user: str | None = None
    """The role to log in as with `iam` and `ambient`. Migrations make it."""

    database_secret_arn: str | None = None
    """A Secrets Manager secret holding `{"username": …, "password": …}`. Migrations store it."""

    database_proxied: bool = False
    """Whether the host is an RDS Proxy, which takes no session options: the defaults of the role hold."""

    database_admin_secret_arn: str | None = None
    """The same for the user who changes the schema and keeps the other secret. Only migrations need it."""

    signing_keys: SecretStr | None = None
    """The keys themselves, as `service.core.keys` describes them: for a service without AWS. Replaces the next."""

    signing_keys_secret_arn: str | None = None
    """A Secrets Manager secret holding the keys."""

    rate_limit_storage_uri: str = Field(default="memory://", pattern=r"^(memory|valkeys?)://")
    """Where requests are counted for all instances: `valkeys://host:6379`. `memory://` is for one process alone."""

    queue_url: str | None = None
    """The SQS queue of runs. Without it runs stay queued, unless `WORKER_POLLS`."""

    worker_polls: bool = False
    """Whether workers look into the database for queued runs (`python -m service work`), and wait for no message."""

    queue_max_receives: int = Field(default=5, ge=1)
    """Attempts at a run that fails for reasons of ours, and deliveries of a message before SQS sets it aside."""

    sandbox_isolation: Literal["ephemeral", "tenant", "microvm", "container", "subprocess"] = "ephemeral"
    """How untrusted code is kept apart; see `service.runs.runners`. `subprocess` is for a machine of one's own."""

    sandbox_function: str | None = None
    """The Lambda function that runs untrusted code (`tenant`), or that is cloned for each run (`ephemeral`)."""

    sandbox_image: str | None = None
    """The ARN of the image that MicroVMs start from (`microvm`)."""

    sandbox_egress_connector: str | None = None
    """The ARN of the network connector, into a network without a way out, that MicroVMs get (`microvm`)."""

    sandbox_addresses: str | None = None
    """Where the containers for scripts listen: `host:port`, several with blanks between them (`container`)."""

    aws_lambda_function_name: str | None = None
    """Set by Lambda. Its presence means one request at a time in this process."""

    @model_validator(mode="after")
    def _a_host_needs_credentials(self) -> "Settings":
        needed = "database_secret_arn" if self.database_login == "password" else "database_user"
        if self.database_url is None and self.database_host is not None and getattr(self, needed) is None:
            raise ValueError(f"DATABASE_HOST is set without {needed.upper()}: nothing says how to log in")
        return self

    @model_validator(mode="after")
    def _untrusted_code_has_a_machine_of_its_own(self) -> "Settings":
        if self.aws_lambda_function_name is None:
            return self
        if self.sandbox_isolation == "subprocess":
            raise ValueError("SANDBOX_ISOLATION=subprocess would run untrusted code beside the worker: never on Lambda")
        if self.sandbox_isolation == "container":
            raise ValueError(
                "SANDBOX_ISOLATION=container is for containers beside the worker: there are none on Lambda"
            )
        return self


def service_name() -> str:
    """What logs, metrics and traces call this process: the variable of powertools, else the function's name."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or get_settings().aws_lambda_function_name or "plinth"


@lru_cache
def get_settings() -> Settings:
    """The settings of this process."""
    # By hand: pydantic-settings reads a dozen kinds of sources, and would be a fiftieth of a cold start.
    read = {name: os.environ.get(name.upper()) for name in Settings.model_fields}
    for name in _SECRETS:
        if read[name] is None and (file := os.environ.get(f"{name.upper()}_FILE")):
            read[name] = _content(name, Path(file))
    return Settings.model_validate({name: value for name, value in read.items() if value is not None})


_SECRETS = ("database_url", "database_password", "database_application_password", "signing_keys")


def _content(name: str, file: Path) -> str:
    """What the file says, without the end of its line. Raises RuntimeError, as nothing can work without it."""
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RuntimeError(f"{name.upper()}_FILE: {file} cannot be read: {reason}") from None
    if not content:
        raise RuntimeError(f"{name.upper()}_FILE: {file} is empty")
    return content
