"""Performs the command that the command line names, prints what it comes to, and says in one line what went wrong."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, cast

from pydantic import ValidationError
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from service.cli.acting import WrongUseError
from service.cli.outcome import Outcome, as_json, as_text
from service.core.errors import ServiceError

REFUSED: Final = 1
WRONG_USE: Final = 2

Command = Callable[[argparse.Namespace], Outcome]


def perform(options: argparse.Namespace) -> int:
    """Run the command and print what it comes to; the exit code. What is printed has been committed."""
    try:
        outcome = _command(options.command)(options)
    except BrokenPipeError:
        raise
    except Exception as error:
        if _was_interrupted(error):
            raise KeyboardInterrupt from error
        if os.environ.get("PLINTH_DEBUG"):
            raise
        code, complaint = _complaint(error)
        sys.stderr.write(f"{complaint}\n")
        return code
    sys.stdout.write(as_json(outcome) if options.json else as_text(outcome))
    if outcome.complaint is not None:
        sys.stderr.write(f"{outcome.complaint}\n")
    return outcome.code


def _command(name: str) -> Command:
    module, _, function = name.partition(":")
    return cast("Command", getattr(import_module(f"service.cli.{module}"), function))


def _was_interrupted(error: BaseException | None) -> bool:
    # An interrupt in the middle of a query leaves a connection that complains when it is closed.
    return error is not None and (isinstance(error, KeyboardInterrupt) or _was_interrupted(error.__context__))


def _complaint(error: Exception) -> tuple[int, str]:
    """The exit code and the one line that say what went wrong and what to do."""
    match error:
        case ServiceError():
            return REFUSED, _first_line(error)
        case WrongUseError():
            return WRONG_USE, _first_line(error)
        case ValidationError():
            return WRONG_USE, "; ".join(_explained(entry) for entry in error.errors() if entry["type"] != _NOT_GIVEN)
        case IntegrityError():
            return REFUSED, "The change does not fit what was stored meanwhile."
        case DataError():
            return REFUSED, "A value cannot be stored."
        case ProgrammingError() if _sqlstate(error) == _UNDEFINED_TABLE:
            return WRONG_USE, "The database lacks the service's tables: run `python -m service migrate`."
        case OperationalError() | InterfaceError():
            return WRONG_USE, f"The database does not answer: {_first_line(error.orig)}"
        case SQLAlchemyError() | OSError() | RuntimeError():
            return WRONG_USE, _first_line(error)
        case _:
            return WRONG_USE, f"{type(error).__name__}: {_first_line(error)} (PLINTH_DEBUG=1 shows where)"


# PostgreSQL's errors, appendix A.
_UNDEFINED_TABLE = "42P01"

# What Pydantic adds to the error of a value that may be left out.
_NOT_GIVEN = "none_required"


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _explained(entry: Mapping[str, Any]) -> str:
    complaint = entry["msg"].removeprefix("Value error, ")
    return f"{entry['loc'][0]}: {complaint}" if entry["loc"] else complaint
