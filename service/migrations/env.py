"""What Alembic runs: the revisions on the connection it was given, against every table of the service."""

from alembic import context

from service.automations.models import Automation
from service.core.database import Base
from service.items.models import Item
from service.runs.models import Run

TABLES = (Item, Automation, Run)
"""Importing a model is what puts its table into the metadata."""

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
