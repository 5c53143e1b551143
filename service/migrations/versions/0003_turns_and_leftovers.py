"""Runs remember the request that queued them; an owner's runs, and those whose sandbox stayed, are found at once.

All are additions that the code before them never looks at.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_UNDESTROYED = sa.text("sandbox IS NOT NULL AND destroyed_at IS NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("request_id", sa.Text(), nullable=True))
    op.create_index(op.f("ix_runs_owner_id_created_at_id"), "runs", ["owner_id", "created_at", "id"])
    op.create_index("ix_runs_undestroyed", "runs", ["id"], postgresql_where=_UNDESTROYED)


def downgrade() -> None:
    op.drop_index("ix_runs_undestroyed", "runs")
    op.drop_index(op.f("ix_runs_owner_id_created_at_id"), "runs")
    op.drop_column("runs", "request_id")
