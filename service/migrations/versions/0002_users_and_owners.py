"""Users with their sessions and API keys, an owner for everything, and answers kept for idempotency keys.

What was made before there were users belongs to a user that nobody can sign in as.
"""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_OWNED = ("items", "automations", "runs")
_NOBODY = UUID("00000000-0000-7000-8000-000000000000")
_UNFINISHED = sa.text("status IN ('queued', 'running')")


def upgrade() -> None:
    _create_users()
    _create_credentials()
    _create_answers()
    _give_owners()
    _sort_names_by_code_point()
    op.create_index(op.f("ix_items_owner_id_name_id"), "items", ["owner_id", "name", "id"])
    op.create_index(op.f("ix_items_owner_id_updated_at_id"), "items", ["owner_id", "updated_at", "id"])
    op.add_column("automations", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_check_constraint(op.f("ck_automations_version_counts"), "automations", "version >= 1")
    op.create_index(op.f("ix_automations_owner_id_name_id"), "automations", ["owner_id", "name", "id"])
    op.create_index(op.f("ix_automations_owner_id_updated_at_id"), "automations", ["owner_id", "updated_at", "id"])
    op.add_column("runs", sa.Column("rerun_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_runs_rerun_of_runs"), "runs", "runs", ["rerun_of"], ["id"], ondelete="SET NULL")
    op.create_index(op.f("ix_runs_rerun_of"), "runs", ["rerun_of"])
    # An automation that moves to another item keeps its history when the first one is deleted.
    op.drop_constraint(op.f("fk_runs_item_id_items"), "runs")
    op.drop_index(op.f("ix_runs_item_id"), "runs")
    op.drop_index(op.f("ix_runs_automation_id_id"), "runs")
    op.create_index(op.f("ix_runs_automation_id_created_at_id"), "runs", ["automation_id", "created_at", "id"])
    op.create_index("ix_runs_unfinished_of_owner", "runs", ["owner_id"], postgresql_where=_UNFINISHED)
    op.drop_constraint(op.f("ck_runs_trigger_known"), "runs")
    triggers = "trigger IN ('item_updated', 'manual', 'rerun')"
    op.create_check_constraint(op.f("ck_runs_trigger_known"), "runs", triggers)


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="member", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.CheckConstraint("char_length(email) BETWEEN 3 AND 254", name=op.f("ck_users_email_length")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.CheckConstraint("role IN ('member', 'admin')", name=op.f("ck_users_role_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"])


def _create_credentials() -> None:
    op.create_table(
        "auth_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "end_reason IN ('logout', 'reuse', 'password_changed')", name=op.f("ck_auth_sessions_end_reason_known")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_auth_sessions_end_has_reason")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_auth_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_sessions")),
    )
    op.create_index(op.f("ix_auth_sessions_user_id"), "auth_sessions", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(token_hash) = 64", name=op.f("ck_refresh_tokens_token_hash_length")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["auth_sessions.id"],
            name=op.f("fk_refresh_tokens_session_id_auth_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("made_with", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("ck_api_keys_name_length")),
        sa.CheckConstraint("char_length(key_hash) = 64", name=op.f("ck_api_keys_key_hash_length")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id_users"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["made_with"], ["api_keys.id"], name=op.f("fk_api_keys_made_with_api_keys"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index(op.f("ix_api_keys_user_id_created_at_id"), "api_keys", ["user_id", "created_at", "id"])
    op.create_index(op.f("ix_api_keys_made_with"), "api_keys", ["made_with"])


def _create_answers() -> None:
    op.create_table(
        "idempotent_answers",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.CheckConstraint("char_length(key) BETWEEN 1 AND 255", name=op.f("ck_idempotent_answers_key_length")),
        sa.CheckConstraint("char_length(fingerprint) = 64", name=op.f("ck_idempotent_answers_fingerprint_length")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotent_answers_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotent_answers")),
    )
    op.create_index(op.f("ix_idempotent_answers_created_at"), "idempotent_answers", ["created_at"])


def _give_owners() -> None:
    nobody = sa.text(
        "INSERT INTO users (id, email, password_hash) SELECT :id, 'nobody@plinth.invalid', '!'"
        " WHERE EXISTS (SELECT FROM items)"
    )
    op.execute(nobody.bindparams(sa.bindparam("id", _NOBODY, sa.Uuid())))
    for table in _OWNED:
        op.add_column(table, sa.Column("owner_id", sa.Uuid(), nullable=True))
        mine = sa.table(table, sa.column("owner_id", sa.Uuid()))
        op.execute(mine.update().values(owner_id=_NOBODY))
        op.alter_column(table, "owner_id", nullable=False)
    op.create_foreign_key(op.f("fk_items_owner_id_users"), "items", "users", ["owner_id"], ["id"], ondelete="CASCADE")
    for table in ("items", "automations"):
        op.create_index(op.f(f"ix_{table}_owner_id_created_at_id"), table, ["owner_id", "created_at", "id"])
        op.create_unique_constraint(op.f(f"uq_{table}_id_owner_id"), table, ["id", "owner_id"])
    for table, column, target in (("automations", "item_id", "items"), ("runs", "automation_id", "automations")):
        op.drop_constraint(op.f(f"fk_{table}_{column}_{target}"), table)
        name = op.f(f"fk_{table}_{column}_owner_id_{target}")
        op.create_foreign_key(name, table, target, [column, "owner_id"], ["id", "owner_id"], ondelete="CASCADE")


def _sort_names_by_code_point() -> None:
    for table in ("items", "automations"):
        op.alter_column(table, "name", type_=sa.Text(collation="C"), existing_nullable=False)


def downgrade() -> None:
    op.execute("UPDATE runs SET trigger = 'manual' WHERE trigger = 'rerun'")
    op.execute("DELETE FROM runs WHERE NOT EXISTS (SELECT FROM items WHERE items.id = runs.item_id)")
    op.drop_constraint(op.f("ck_runs_trigger_known"), "runs")
    op.create_check_constraint(op.f("ck_runs_trigger_known"), "runs", "trigger IN ('item_updated', 'manual')")
    op.drop_column("runs", "rerun_of")
    op.drop_index(op.f("ix_runs_automation_id_created_at_id"), "runs")
    op.create_index(op.f("ix_runs_automation_id_id"), "runs", ["automation_id", "id"])
    op.drop_column("automations", "version")
    for table in ("items", "automations"):
        op.alter_column(table, "name", type_=sa.Text(), existing_nullable=False)
    op.drop_constraint(op.f("fk_runs_automation_id_owner_id_automations"), "runs")
    op.drop_constraint(op.f("fk_automations_item_id_owner_id_items"), "automations")
    for table, column, target in (
        ("runs", "item_id", "items"),
        ("runs", "automation_id", "automations"),
        ("automations", "item_id", "items"),
    ):
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}_{target}"), table, target, [column], ["id"], ondelete="CASCADE"
        )
    op.create_index(op.f("ix_runs_item_id"), "runs", ["item_id"])
    # With the column go its indexes and constraints.
    for table in _OWNED:
        op.drop_column(table, "owner_id")
    for table in ("idempotent_answers", "api_keys", "refresh_tokens", "auth_sessions", "users"):
        op.drop_table(table)
