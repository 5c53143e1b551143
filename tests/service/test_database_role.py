"""What a migration prepares besides the schema: the application's own roles in the database, and the signing keys.

The database belongs to a user like Aurora's master: it may make roles and databases, and is no superuser.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import create_engine, text

from service.automations import service as automations
from service.core import aws, database
from service.core.database import Base
from service.core.keys import KeyRing, UnusableKeysError
from service.core.settings import get_settings
from service.items import service as items
from service.items.models import Item
from service.lambda_handlers import migrate
from service.migrations import head_revision
from service.migrations.application_role import ROLE, UnsafeRoleError
from service.migrations.upgrade import upgrade
from service.runs import service as runs
from service.runs.models import Run
from tests.service.conftest import make_actor
from tests.support.postgres import Postgres, running_postgres
from workbench.local import postgres as local_postgres

MASTER, MASTER_PASSWORD = "keeper", "keeper's password"
LOGIN, KEYS = "arn:login", "arn:keys"
BY_TOKEN = "plinth_app_iam"
"""The role that logs in with tokens, by the name that the stack gives it."""


class SecretsManager:
    """Stands for AWS's: some secrets, of which those not here were made without a value."""

    class exceptions:  # noqa: N801
        class ResourceNotFoundException(Exception):  # noqa: N818
            """There is no such value."""

    def __init__(self) -> None:
        self.values = {"arn:master": json.dumps({"username": MASTER, "password": MASTER_PASSWORD})}

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        if SecretId not in self.values:
            raise self.exceptions.ResourceNotFoundException
        return {"SecretString": self.values[SecretId]}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803
        self.values[SecretId] = SecretString


class Place:
    """A database that its master has just been given, and the secrets of its stack."""

    def __init__(self, server: Postgres, secrets: SecretsManager) -> None:
        self.server = server
        self.name = f"stack_{uuid4().hex}"
        self.secrets = secrets

    def connect(self, user: str, password: str) -> psycopg.Connection[Any]:
        where = {"host": "127.0.0.1", "port": self.server.port, "dbname": self.name}
        return psycopg.connect(**where, user=user, password=password, autocommit=True)

    def as_superuser(self) -> psycopg.Connection[Any]:
        return self.connect(local_postgres.ADMIN, local_postgres.password(self.server.directory))

    def as_master(self) -> psycopg.Connection[Any]:
        return self.connect(MASTER, MASTER_PASSWORD)

    def as_application(self) -> psycopg.Connection[Any]:
        login = json.loads(self.secrets.values[LOGIN])
        assert login["username"] == ROLE
        return self.connect(ROLE, login["password"])


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of this module's own: all databases of a server share their roles."""
    with running_postgres() as server:
        with psycopg.connect(local_postgres.url(server.directory, server.port), autocommit=True) as connection:
            make = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
            connection.execute(make.format(sql.Identifier(MASTER), sql.Literal(MASTER_PASSWORD)))
        yield server


@pytest.fixture
def place(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A database without a schema and without the application's role, and the settings of the migrate function."""
    place = Place(server, SecretsManager())
    server.create_database(place.name)
    with place.as_superuser() as connection:
        owned = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(owned.format(sql.Identifier(place.name), sql.Identifier(MASTER)))
    monkeypatch.setattr(aws, "client", lambda *_, **__: place.secrets)
    for name, value in {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(server.port),
        "DATABASE_NAME": place.name,
        "DATABASE_SECRET_ARN": LOGIN,
        "DATABASE_ADMIN_SECRET_ARN": "arn:master",
        "SIGNING_KEYS_SECRET_ARN": KEYS,
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    database.disconnect()
    yield place
    database.disconnect()
    with place.as_superuser() as connection:
        made = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[ROLE, BY_TOKEN, "rds_iam"]])
        for (name,) in made.fetchall():
            drop = sql.SQL("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
            connection.execute(drop.format(role=sql.Identifier(name)))


_ROLE = sql.Identifier(ROLE)


@pytest.fixture
def migrated(place: Place) -> Place:
    """The same after its first migration."""
    upgrade()
    return place


def test_the_first_migration_makes_a_role_that_can_log_in_and_has_no_rights_over_the_server(place: Place) -> None:
    assert upgrade().revision == head_revision()
    with place.as_application() as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False, False, True)
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("statement_timeout", "lock_timeout")]
        assert shown == [("10s",), ("5s",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE INDEX mine ON items (name)",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "ALTER TABLE items ADD COLUMN mine int",
        "ALTER TABLE items DISABLE TRIGGER ALL",
        "ALTER ROLE plinth_app CREATEDB",
        "DROP TABLE items",
        "TRUNCATE items CASCADE",
        "INSERT INTO alembic_version VALUES ('9999')",
        "UPDATE alembic_version SET version_num = '9999'",
        "DELETE FROM alembic_version",
        "COPY items TO PROGRAM 'cat'",
        "SET ROLE keeper",
    ],
)
def test_the_application_cannot_change_the_schema_or_its_own_rights(migrated: Place, statement: str) -> None:
    with migrated.as_application() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_application_may_read_and_write_the_rows_of_every_table_and_no_more(migrated: Place) -> None:
    privileges = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    query = "SELECT " + ", ".join(f"has_table_privilege(%(table)s, '{privilege}')" for privilege in privileges)
    with migrated.as_application() as connection:
        found = {
            table: connection.execute(query.encode(), {"table": table}).fetchone()
            for table in (*Base.metadata.tables, "alembic_version")
        }
    rows, reading = (True,) * 4 + (False,) * 3, (True,) + (False,) * 6
    assert found == {**dict.fromkeys(Base.metadata.tables, rows), "alembic_version": reading}


def test_the_service_does_its_work_as_that_role(migrated: Place) -> None:
    sessions = database.session_factory()
    with sessions() as session:
        assert session.scalar(text("SELECT current_user")) == ROLE
    actor = make_actor(sessions, email="ada@example.com")
    with sessions.begin() as session:
        item = items.create(session, actor=actor, name="Kettle", description=None)
        automation = automations.create(session, actor=actor, name="Tell", code="print(1)", item_id=item.id)
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
    with sessions.begin() as session:
        changed, queued = items.update(session, actor=actor, item_id=item.id, changes={"name": "Grinder"})
        assert (changed.name, len(queued)) == ("Grinder", 1)
        runs.cancel(session, actor=actor, run_id=run.id)
    with sessions.begin() as session:
        items.delete(session, actor=actor, item_id=item.id)
    with sessions() as session:
        assert (session.query(Item).count(), session.query(Run).count()) == (0, 0)


def test_a_table_that_a_later_migration_makes_is_the_applications_too(migrated: Place) -> None:
    with migrated.as_master() as connection:
        connection.execute("CREATE TABLE later (id bigint GENERATED BY DEFAULT AS IDENTITY, note text)")
        connection.execute("CREATE SEQUENCE later_numbers")
    with migrated.as_application() as connection:
        connection.execute("INSERT INTO later (id, note) VALUES (nextval('later_numbers'), 'x')")
        assert connection.execute("SELECT id, note FROM later").fetchall() == [(1, "x")]


def test_a_migration_takes_away_what_the_role_was_given_by_hand(migrated: Place) -> None:
    with migrated.as_master() as connection:
        connection.execute(sql.SQL("GRANT TRUNCATE ON idempotent_answers TO {}").format(_ROLE))
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(_ROLE))
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    upgrade()
    with migrated.as_application() as connection:
        for statement in (b"TRUNCATE idempotent_answers", b"CREATE TABLE mine (id int)"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)


def test_a_second_migration_leaves_password_and_keys_as_they_are(migrated: Place) -> None:
    before = dict(migrated.secrets.values)
    assert migrate.handler({"revision": "head"}, None) == {"revision": head_revision(), "applied": []}
    assert migrated.secrets.values == before


def test_code_from_before_a_migration_leaves_the_newer_schema_as_it_is(migrated: Place) -> None:
    with migrated.as_master() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("CREATE TABLE newer (id int)")
    assert migrate.handler({"revision": "head"}, None) == {"revision": "9999", "applied": []}
    with migrated.as_application() as connection:
        assert connection.execute("SELECT * FROM newer").fetchall() == []


@pytest.mark.parametrize("lost", [None, "", "{}", '{"username": "plinth_app"}', '{"username": "x", "password": "y"}'])
def test_a_login_that_was_lost_is_made_anew(migrated: Place, lost: str | None) -> None:
    if lost is None:
        del migrated.secrets.values[LOGIN]
    else:
        migrated.secrets.values[LOGIN] = lost
    upgrade()
    migrated.as_application().close()


def test_a_login_that_does_not_work_is_made_anew(migrated: Place) -> None:
    with migrated.as_master() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'changed behind its back'").format(_ROLE))
    upgrade()
    migrated.as_application().close()


def test_two_migrations_at_once_end_with_one_login_that_works(place: Place) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = [each.applied for each in pool.map(lambda _: upgrade(), range(2))]
    assert sorted(map(len, applied)) == [0, int(head_revision())]
    place.as_application().close()


def test_a_password_can_be_rotated_while_the_service_runs(migrated: Place) -> None:
    engine = database.engine()
    with engine.connect() as open_before:
        assert open_before.scalar(text("SELECT current_user")) == ROLE
        before = json.loads(migrated.secrets.values[LOGIN])["password"]
        assert migrate.handler({"rotate": "database-password"}, None) == {"rotated": "database-password"}
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            migrated.connect(ROLE, before)
        assert open_before.scalar(text("SELECT 1")) == 1
        # A further connection finds its password refused, and fetches the new one.
        with engine.connect() as made_after:
            assert made_after.scalar(text("SELECT current_user")) == ROLE


def test_only_the_digest_of_a_password_is_sent_to_the_server(migrated: Place) -> None:
    with migrated.as_superuser() as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [ROLE]).fetchone()
    migrate.handler({"rotate": "database-password"}, None)
    password = json.loads(migrated.secrets.values[LOGIN])["password"]
    with migrated.as_superuser() as connection:
        connection.execute("ALTER SYSTEM RESET log_statement")
        connection.execute("SELECT pg_reload_conf()")
    log = "".join(path.read_text() for path in migrated.server.directory.rglob("*.log"))
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")
    assert "ALTER ROLE" in log
    assert password not in log


@pytest.mark.parametrize("mighty", ["CREATEDB", "CREATEROLE", "SUPERUSER", "IN ROLE keeper"])
def test_a_role_of_that_name_with_other_rights_stops_the_migration(place: Place, mighty: str) -> None:
    with place.as_superuser() as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN {mighty}".encode())
    with pytest.raises(UnsafeRoleError, match="The role plinth_app "):
        upgrade()
    assert LOGIN not in place.secrets.values
    with place.as_master() as connection:
        assert connection.execute("SELECT to_regclass('items')").fetchone() == (None,)


@pytest.fixture
def rds(place: Place) -> Place:
    """The same on RDS, where members of a certain role log in with tokens, in a stack that uses them."""
    with place.as_superuser() as connection:
        connection.execute("CREATE ROLE rds_iam")
        connection.execute(sql.SQL("GRANT rds_iam TO {} WITH ADMIN TRUE, INHERIT FALSE").format(sql.Identifier(MASTER)))
    return place


@pytest.fixture
def by_token(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    """The stack's clients log in with tokens, and there is no secret."""
    configure(monkeypatch, DATABASE_LOGIN="iam", DATABASE_USER=BY_TOKEN, DATABASE_SECRET_ARN=None)


def configure(monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> None:
    """The settings of a further deployment."""
    for name, value in changed.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    database.disconnect()


def groups(place: Place, role: str) -> list[str]:
    """What a role is a member of."""
    query = "SELECT rolname FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = roleid WHERE member = %s::regrole"
    with place.as_superuser() as connection:
        return [name for (name,) in connection.execute(query, [role]).fetchall()]


def password_of(place: Place, role: str) -> str | None:
    with place.as_superuser() as connection:
        found = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert found is not None
    return found[0]


def rights(place: Place, role: str) -> dict[str, Any]:
    """What a role may do: on the server, on each table, and by default."""
    query = (
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin,"
        " has_database_privilege(rolname, current_database(), 'CREATE'),"
        " has_schema_privilege(rolname, 'public', 'CREATE'), rolconfig"
        " FROM pg_roles WHERE rolname = %s"
    )
    table = "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = %s AND table_name = %s"
    with place.as_superuser() as connection:
        return {
            "server": connection.execute(query, [role]).fetchone(),
            **{
                name: sorted(kind for (kind,) in connection.execute(table, [role, name]).fetchall())
                for name in (*Base.metadata.tables, "alembic_version")
            },
        }


def test_a_role_for_tokens_may_do_what_the_one_with_a_password_may(rds: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade()
    configure(monkeypatch, DATABASE_LOGIN="iam", DATABASE_USER=BY_TOKEN, DATABASE_SECRET_ARN=None)
    upgrade()
    assert rights(rds, BY_TOKEN) == rights(rds, ROLE)
    assert rights(rds, ROLE)["items"] == ["DELETE", "INSERT", "SELECT", "UPDATE"]
    assert (groups(rds, BY_TOKEN), groups(rds, ROLE)) == (["rds_iam"], [])


@pytest.mark.usefixtures("by_token")
def test_a_role_for_tokens_has_no_password_and_no_secret(rds: Place) -> None:
    assert upgrade().revision == head_revision()
    assert upgrade().applied == ()
    assert password_of(rds, BY_TOKEN) is None
    assert sorted(rds.secrets.values) == [KEYS, "arn:master"]
    assert groups(rds, BY_TOKEN) == ["rds_iam"]


@pytest.mark.usefixtures("by_token")
def test_where_there_are_no_tokens_the_role_is_made_and_left_to_other_means(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upgrade()
    assert groups(place, BY_TOKEN) == []
    with place.as_superuser() as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'known'").format(sql.Identifier(BY_TOKEN)))
    file = tmp_path / "logins"
    file.touch(0o600)
    file.write_text(f"127.0.0.1:{place.server.port}:*:{BY_TOKEN}:known\n")
    configure(monkeypatch, DATABASE_LOGIN="ambient", PGPASSFILE=str(file))
    with database.engine().connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == BY_TOKEN


def test_both_logins_work_while_one_follows_the_other(rds: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade()
    configure(monkeypatch, DATABASE_LOGIN="iam", DATABASE_USER=BY_TOKEN)
    upgrade()
    rds.as_application().close()
    assert groups(rds, BY_TOKEN) == ["rds_iam"]
    # And back: the secret was deleted meanwhile, and a new one made without a value.
    del rds.secrets.values[LOGIN]
    configure(monkeypatch, DATABASE_LOGIN=None)
    upgrade()
    rds.as_application().close()
    assert groups(rds, BY_TOKEN) == ["rds_iam"]


def test_a_password_that_nobody_logs_in_with_any_more_can_be_taken_away(
    rds: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade()
    before = json.loads(rds.secrets.values[LOGIN])["password"]
    configure(monkeypatch, DATABASE_LOGIN="iam", DATABASE_USER=BY_TOKEN, DATABASE_SECRET_ARN=None)
    upgrade()
    rds.connect(ROLE, before).close()
    assert migrate.handler({"rotate": "database-password"}, None) == {"rotated": "database-password"}
    assert password_of(rds, ROLE) is None
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        rds.connect(ROLE, before)


@pytest.mark.usefixtures("by_token")
@pytest.mark.parametrize("mighty", ["CREATEROLE", "IN ROLE keeper"])
def test_a_role_for_tokens_with_other_rights_stops_the_migration(rds: Place, mighty: str) -> None:
    with rds.as_superuser() as connection:
        connection.execute(f"CREATE ROLE {BY_TOKEN} LOGIN {mighty}".encode())
    with pytest.raises(UnsafeRoleError, match=f"The role {BY_TOKEN} "):
        upgrade()


def test_a_role_with_a_password_that_only_tokens_let_in_stops_the_migration(rds: Place) -> None:
    with rds.as_superuser() as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN IN ROLE rds_iam".encode())
    with pytest.raises(UnsafeRoleError, match=f"The role {ROLE} is a member of another one"):
        upgrade()


def test_one_role_cannot_have_both_logins(rds: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, DATABASE_LOGIN="iam", DATABASE_USER=ROLE)
    with pytest.raises(UnsafeRoleError, match="name another one as DATABASE_USER"):
        upgrade()
    assert groups(rds, MASTER) == ["rds_iam"]


def test_the_first_migration_makes_keys_that_the_service_can_use(migrated: Place) -> None:
    assert len(KeyRing.parse(migrated.secrets.values[KEYS]).signing) == 1


def test_a_rotation_signs_with_a_new_key_and_keeps_what_the_old_one_signed(migrated: Place) -> None:
    before = KeyRing.parse(migrated.secrets.values[KEYS])
    assert migrate.handler({"rotate": "signing-keys"}, None) == {"rotated": "signing-keys"}
    after = KeyRing.parse(migrated.secrets.values[KEYS])
    assert after.current != before.current
    assert after.signing[before.current] == before.signing[before.current]
    assert after.api_key_pepper == before.api_key_pepper


def test_two_rotations_at_once_are_both_kept(migrated: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read = migrated.secrets.get_secret_value

    def read_slowly(*, SecretId: str) -> dict[str, str]:  # noqa: N803
        value = read(SecretId=SecretId)
        time.sleep(0.1)
        return value

    monkeypatch.setattr(migrated.secrets, "get_secret_value", read_slowly)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: migrate.handler({"rotate": "signing-keys"}, None), range(2)))
    assert len(KeyRing.parse(migrated.secrets.values[KEYS]).signing) == 3


def test_keys_that_nobody_can_use_stop_the_migration_and_stay(place: Place) -> None:
    place.secrets.values[KEYS] = "weak"
    with pytest.raises(UnusableKeysError):
        upgrade()
    assert place.secrets.values[KEYS] == "weak"


@pytest.mark.parametrize("what", ["everything", "", None, ["signing-keys"]])
def test_only_what_can_be_rotated_is(migrated: Place, what: Any) -> None:
    before = dict(migrated.secrets.values)
    with pytest.raises(ValueError, match="give database-password or signing-keys"):
        migrate.handler({"rotate": what}, None)
    assert migrated.secrets.values == before


def test_the_owner_of_a_database_without_secrets_just_migrates(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql+psycopg://{MASTER}:{MASTER_PASSWORD}@127.0.0.1:{place.server.port}/{place.name}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("SIGNING_KEYS_SECRET_ARN")
    get_settings.cache_clear()
    assert upgrade().revision == head_revision()
    assert list(place.secrets.values) == ["arn:master"]
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": ROLE}) == 0
    engine.dispose()
    for what in ("database-password", "signing-keys"):
        with pytest.raises(LookupError, match=r"set (it|both)\."):
            migrate.handler({"rotate": what}, None)
