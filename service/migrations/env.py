"""What Alembic runs: the revisions on the connection it was given, against every table of the service."""

from alembic import context

from service.api_keys.models import ApiKey
from service.auth.models import AuthSession, RefreshToken
from service.automations.models import Automation
from service.core.database import Base
from service.idempotency.models import IdempotentAnswer
from service.items.models import Item
from service.runs.models import Run
from service.users.models import User

TABLES = (User, AuthSession, RefreshToken, ApiKey, IdempotentAnswer, Item, Automation, Run)
"""Importing a model is what puts its table into the metadata."""

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    on_version_apply=context.config.attributes["on_version_apply"],
)
context.run_migrations()
