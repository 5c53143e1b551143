"""Commands about the service itself."""

import argparse
import json
import signal
import threading
from pathlib import Path
from types import FrameType

from alembic.util import CommandError

from service.cli.acting import WrongUseError
from service.cli.outcome import Outcome
from service.core.settings import get_settings
from service.migrations.upgrade import upgrade


def openapi(_options: argparse.Namespace) -> Outcome:
    """Print the OpenAPI document."""
    # The only command that needs FastAPI.
    from service.main import create_app

    document = create_app().openapi()
    return Outcome(answer=document, text=json.dumps(document, indent=2))


def migrate(options: argparse.Namespace) -> Outcome:
    """Upgrade the database's schema."""
    if not options.revision:
        raise WrongUseError("Name a revision, or leave --revision out for the newest.")
    try:
        upgraded = upgrade(revision=options.revision)
    except CommandError as error:
        raise WrongUseError(f"The schema cannot be upgraded: {error}") from None
    answer = {"revision": upgraded.revision, "applied": list(upgraded.applied)}
    return Outcome(answer=answer, text=f"at {upgraded.revision}, applied: {', '.join(upgraded.applied) or 'nothing'}")


def make_signing_keys(_options: argparse.Namespace) -> Outcome:
    """Print new signing keys, which are stored nowhere."""
    from service.core.keys import KeyRing

    document = json.loads(KeyRing.generate().to_json())
    return Outcome(answer=document, text=json.dumps(document))


def work(options: argparse.Namespace) -> Outcome:
    """Execute queued runs until the process is told to end."""
    settings = get_settings()
    if settings.aws_lambda_function_name is not None:
        raise WrongUseError("This never ends, and a function has minutes: on Lambda, messages start the workers.")
    from service.core import database
    from service.core.logging import configure_logging
    from service.runs.runners import sandbox_runner
    from service.runs.work import work as work_until

    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    configure_logging()
    heartbeat = None if options.heartbeat is None else Path(options.heartbeat)
    work_until(
        sessions=database.session_factory(),
        sandbox=sandbox_runner(),
        at_once=options.at_once or len((settings.sandbox_addresses or "one").split()),
        max_attempts=settings.queue_max_receives,
        stop=stop,
        alive=lambda: None if heartbeat is None else heartbeat.touch(),
    )
    return Outcome()
