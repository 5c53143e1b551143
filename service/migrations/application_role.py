"""The roles that the application logs in as: they read and write rows, and can change nothing of the schema.

They are made and kept by the user who migrates. On AWS that is Aurora's master user, who may make roles and owns the
database, but is no superuser: nothing here asks for one.
"""

import json
import secrets
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from service.core.database import is_refused_login
from service.core.stored_secret import Stored

ROLE: Final = "plinth_app"
"""The role that logs in with a password. Another one logs in with tokens: where both are there, either login works."""

_RDS_IAM: Final = "rds_iam"
"""The role of RDS whose members log in with tokens of IAM, and never with a password. Elsewhere there is none."""

_OVER_THE_SERVER = (
    "SELECT 1 FROM pg_roles WHERE rolname = {name}"
    " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
)

_MEMBER_OF_ANOTHER = (
    "SELECT 1 FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = roleid"
    " WHERE member = {name}::regrole AND rolname <> {harmless}"
)

_DEFAULTS = {
    "timezone": "UTC",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Nobody waits longer than the gateway does; and a function frozen in a transaction lets go of its locks."""

_RIGHTS = (
    "REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    # For what is made outside of a migration, which ends with all of the above.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
)
"""All that the role may do in this database. Run again, they leave the same rights behind."""


class UnsafeRoleError(RuntimeError):
    """There is a role of that name which may do more than the application should."""


def exists(connection: Connection, role: str = ROLE) -> bool:
    """Whether the server has the role, which all of its databases share."""
    return _one(connection, "SELECT 1 FROM pg_roles WHERE rolname = {name}", role) is not None


def provide(connection: Connection, login: Stored) -> bool:
    """See that the role is there with its rights, and that `login` lets it in. Returns whether the password is new.

    A secret lost while the role stayed is as good as a first time: the role gets a new password. Raises
    UnsafeRoleError.
    """
    if not exists(connection):
        _run(connection, "CREATE ROLE {role} LOGIN", ROLE)
    grant(connection)
    if _lets_in(connection, login.read()):
        return False
    rotate(connection, login)
    return True


def provide_with(connection: Connection, password: str) -> None:
    """See that the role is there with its rights, and that this password lets it in. Raises UnsafeRoleError."""
    if not exists(connection):
        _run(connection, "CREATE ROLE {role} LOGIN", ROLE)
    grant(connection)
    if not _lets_in(connection, _login(password)):
        _set_password(connection, password)


def provide_by_token(connection: Connection, role: str) -> None:
    """See that the role is there with its rights, and that RDS lets it in by token. It has no password of ours.

    Raises UnsafeRoleError.
    """
    if role == ROLE:
        raise UnsafeRoleError(f"The role {ROLE} logs in with a password: name another one as DATABASE_USER.")
    if not exists(connection, role):
        _run(connection, "CREATE ROLE {role} LOGIN", role)
    grant(connection, role)
    if exists(connection, _RDS_IAM):
        _run(connection, f"GRANT {_RDS_IAM} TO {{role}}", role)


def grant(connection: Connection, role: str = ROLE) -> None:
    """Give the role its rights on everything that is there now. Raises UnsafeRoleError."""
    if _one(connection, _OVER_THE_SERVER, role) is not None:
        raise UnsafeRoleError(f"The role {role} has rights over the whole server: take them away, or drop it.")
    if _one(connection, _MEMBER_OF_ANOTHER, role, harmless="" if role == ROLE else _RDS_IAM) is not None:
        raise UnsafeRoleError(f"The role {role} is a member of another one: revoke that, or drop it.")
    for statement in _RIGHTS:
        _run(connection, statement, role)
    for parameter, value in _DEFAULTS.items():
        _run(connection, "ALTER ROLE {role} SET {parameter} = {value}", role, parameter=parameter, value=value)


def rotate(connection: Connection, login: Stored) -> None:
    """Give the role a new password and store it. Open connections go on; the next ones need the new password.

    Stored before the caller's commit: were the commit lost, the next migration would find that the login fails and
    mend it. The other way round, a failure to store would lock the application out.
    """
    password = secrets.token_urlsafe(32)
    _set_password(connection, password)
    login.write(_login(password))


def shut_out(connection: Connection) -> None:
    """Take the role's password away, where it has one. Open connections go on."""
    if exists(connection):
        _run(connection, "ALTER ROLE {role} PASSWORD NULL", ROLE)


def _set_password(connection: Connection, password: str) -> None:
    # Only its digest travels: a statement may end up in the server's log.
    verifier = _driver(connection).pgconn.encrypt_password(password.encode(), ROLE.encode(), b"scram-sha-256")
    _run(connection, "ALTER ROLE {role} PASSWORD {verifier}", ROLE, verifier=verifier.decode())


def _login(password: str) -> str:
    return json.dumps({"username": ROLE, "password": password})


def _lets_in(connection: Connection, login: str | None) -> bool:
    try:
        known: Any = json.loads(login or "")
        user, password = known["username"], known["password"]
    except (ValueError, KeyError, TypeError):
        return False
    if user != ROLE:
        return False
    where = _driver(connection).info
    try:
        psycopg.connect(
            host=where.host, port=where.port, dbname=where.dbname, user=user, password=password, connect_timeout=10
        ).close()
        return True
    except psycopg.OperationalError as error:
        if is_refused_login(error):
            return False
        raise


def _one(connection: Connection, query: str, role: str, **literals: str) -> Any:
    return _driver(connection).execute(_composed(connection, query, role, "", literals)).fetchone()


def _run(connection: Connection, statement: str, role: str, *, parameter: str = "", **literals: str) -> None:
    _driver(connection).execute(_composed(connection, statement, role, parameter, literals))


def _composed(connection: Connection, text: str, role: str, parameter: str, literals: dict[str, str]) -> sql.Composed:
    # Statements about roles take no bound parameters.
    return sql.SQL(text).format(  # pyright: ignore[reportArgumentType]  # from the constants above
        role=sql.Identifier(role),
        name=sql.Literal(role),
        database=sql.Identifier(_driver(connection).info.dbname),
        parameter=sql.Identifier(parameter),
        **{key: sql.Literal(value) for key, value in literals.items()},
    )


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver: Any = connection.connection.driver_connection
    return driver
