"""Commands about the service itself."""

import argparse
import json

from alembic.util import CommandError

from service.cli.acting import WrongUseError
from service.cli.outcome import Outcome
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
