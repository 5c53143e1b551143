"""The database: engine, sessions, the declarative base and the types that every table shares."""

import json
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import DateTime, Engine, MetaData, NullPool, Uuid, create_engine, event, func, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from service.core import aws
from service.core.errors import ServiceError
from service.core.ids import new_id
from service.core.settings import Settings, get_settings

CONNECT_TIMEOUT_SECONDS = 20
"""Longer than a paused Aurora cluster takes to resume, shorter than API Gateway's 30 seconds."""

_RECYCLE_SECONDS = 600
_SESSION_OPTIONS = "-c timezone=UTC -c statement_timeout=10s -c lock_timeout=5s"
_PROBE_MILLISECONDS = 1500
_TLS = ("require", "verify-ca", "verify-full")


class Base(DeclarativeBase):
    """The declarative base. Constraints are named, so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), UUID: Uuid(as_uuid=True)}


class Identified:
    """Columns of every table: the UUIDv7 key, whose order is the order of lists, and the time of creation."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


@lru_cache
def engine() -> Engine:
    """The engine of this process, made at first use."""
    settings = get_settings()
    # Lambda gives a process one request at a time: a second connection would only take one from somebody else.
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if settings.aws_lambda_function_name else {}
    return connect_to(settings, connect_timeout=CONNECT_TIMEOUT_SECONDS, options=_SESSION_OPTIONS, **pool)


@lru_cache
def session_factory() -> sessionmaker[Session]:
    """Makes sessions on `engine()`. Objects stay readable after their commit."""
    return sessionmaker(engine(), expire_on_commit=False)


@contextmanager
def transaction() -> Generator[Session]:
    """A session that commits when the block is done and rolls back when it fails."""
    with session_factory()() as session:
        try:
            yield session
        except ServiceError as error:
            if error.keeps_changes:
                session.commit()
            raise
        session.commit()


def disconnect() -> None:
    """Close the pooled connections and forget the credentials: the next use connects and fetches them anew."""
    _credentials.cache_clear()
    _signer.cache_clear()
    if engine.cache_info().currsize:
        engine().dispose()


def answers() -> bool:
    """Whether the database answers, asked on a connection of its own. Raises SQLAlchemyError where it does not."""
    with probe().connect() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {_PROBE_MILLISECONDS}"))
        return connection.scalar(text("SELECT 1")) == 1


@lru_cache
def probe() -> Engine:
    """The engine of readiness: short timeouts, and no waiting for the one pooled connection of a Lambda process."""
    return connect_to(get_settings(), connect_timeout=2, poolclass=NullPool)


def connect_to(
    settings: Settings, *, connect_timeout: int, options: str = "", secret_arn: str | None = None, **pool: Any
) -> Engine:
    """An engine for the database that the settings name.

    It logs in as the settings say, or with the present password in the secret that is given. `options` are those of a
    session; a proxy takes none.
    """
    arguments: dict[str, Any] = {
        "connect_timeout": connect_timeout,
        "application_name": settings.aws_lambda_function_name or "plinth",
        "options": "" if settings.database_proxied else options,
        # Prepared statements pin a connection of RDS Proxy and outlive a failover badly.
        "prepare_threshold": None,
    }
    made = create_engine(
        _url(settings),
        pool_pre_ping=True,
        pool_recycle=_RECYCLE_SECONDS,
        connect_args=arguments,
        # Errors are logged, and no log shows what a user sent.
        hide_parameters=True,
        **pool,
    )
    if settings.database_url is None:
        event.listen(made, "do_connect", _login(settings, secret_arn))
    return made


class Credentials:
    """The user name and password in a Secrets Manager secret, fetched once and again when `refresh` is called."""

    def __init__(self, secret_arn: str) -> None:
        self._secret_arn = secret_arn
        self._known: tuple[str, str] | None = None
        self._lock = threading.Lock()

    def get(self) -> tuple[str, str]:
        """User name and password."""
        with self._lock:
            if self._known is None:
                self._known = self._fetch()
            return self._known

    def refresh(self) -> tuple[str, str]:
        """User name and password as the secret holds them now."""
        with self._lock:
            self._known = self._fetch()
            return self._known

    def _fetch(self) -> tuple[str, str]:
        secret = json.loads(aws.secret_value(self._secret_arn))
        return secret["username"], secret["password"]


def _url(settings: Settings) -> URL:
    if settings.database_url is not None:
        url = _postgres(settings.database_url.get_secret_value())
        if url.password is None and settings.database_password is not None:
            url = url.set(password=settings.database_password.get_secret_value())
        return url
    if settings.database_host is None:
        raise RuntimeError("neither DATABASE_URL nor DATABASE_HOST is set: the service has no database")
    return URL.create(
        "postgresql+psycopg",
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
    )


def _postgres(text: str) -> URL:
    """The URL, with our driver where it names none. Raises RuntimeError, which does not repeat it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _POSTGRES:
        raise RuntimeError("DATABASE_URL is no address of a PostgreSQL: postgresql://USER:PASSWORD@HOST:PORT/NAME")
    return url.set(drivername="postgresql+psycopg")


_POSTGRES = ("postgresql+psycopg", "postgresql", "postgres")


_Connect = Callable[[Any, Any, list[Any], dict[str, Any]], Any]
"""What SQLAlchemy calls to make a connection; None leaves it to SQLAlchemy, with the parameters as they are then."""


def _login(settings: Settings, secret_arn: str | None) -> _Connect:
    if secret_arn is not None:
        return _with_password(secret_arn)
    match settings.database_login:
        case "password":
            return _with_password(settings.database_secret_arn or "")
        case "iam":
            return _with_token(settings.database_user or "")
        case "ambient":
            return _as(settings.database_user or "")


def _as(user: str) -> _Connect:
    def connect(_dialect: Any, _record: Any, _arguments: list[Any], parameters: dict[str, Any]) -> None:
        parameters["user"] = user

    return connect


def _with_token(user: str) -> _Connect:
    def connect(_dialect: Any, _record: Any, _arguments: list[Any], parameters: dict[str, Any]) -> None:
        host, port = parameters["host"], parameters["port"]
        # Signed here, with no call to anybody. It lets its bearer in for 15 minutes, so it goes only through TLS.
        parameters["password"] = _signer().generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
        parameters["user"] = user
        parameters["sslmode"] = mode if (mode := os.environ.get("PGSSLMODE")) in _TLS else "require"

    return connect


@lru_cache
def _signer() -> Any:
    return aws.client("rds", read_timeout=5, attempts=1)


@lru_cache
def _credentials(secret_arn: str) -> Credentials:
    return Credentials(secret_arn)


def _with_password(secret_arn: str) -> _Connect:
    def connect(dialect: Any, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        credentials = _credentials(secret_arn)
        parameters["user"], parameters["password"] = credentials.get()
        try:
            return dialect.connect(*arguments, **parameters)
        except psycopg.OperationalError as error:
            if not is_refused_login(error):
                raise
            # The secret was rotated since it was fetched.
            parameters["user"], parameters["password"] = credentials.refresh()
            return dialect.connect(*arguments, **parameters)

    return connect


def is_refused_login(error: psycopg.OperationalError) -> bool:
    """Whether it was the user's name or password that kept a client out, and not the way to the database."""
    # libpq reports no SQLSTATE for a failed connection, so the server's words are all there is.
    return (error.sqlstate or "").startswith("28") or "authentication failed" in str(error)
