"""Asks what the service depends on whether it is there, and never waits long for the answer."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from service.core import database, limits
from service.core.errors import ServiceError
from service.core.settings import get_settings
from service.runs import dispatch

logger = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 1.8


class NotReadyError(ServiceError):
    """Something that the service depends on does not answer."""

    status = 503
    code = "not-ready"
    title = "Not ready"


def require_all() -> tuple[str, ...]:
    """The names of what was asked. Raises NotReadyError, naming whatever is away."""
    checks = _checks()
    executor = ThreadPoolExecutor(len(checks))
    answers = {name: executor.submit(check) for name, check in checks.items()}
    wait(answers.values(), timeout=_LONGEST_WAIT_SECONDS)
    # A check that hangs is left behind: it ends by its own timeout.
    executor.shutdown(wait=False)
    away = [name for name, answer in answers.items() if not _is_yes(name, answer)]
    if away:
        raise NotReadyError(f"No answer from: {', '.join(away)}.")
    return tuple(checks)


def _checks() -> Mapping[str, Callable[[], bool]]:
    checks: dict[str, Callable[[], bool]] = {
        "database": database.answers,
        "rate limit store": limits.store_answers,
    }
    if get_settings().queue_url is not None:
        checks["queue"] = dispatch.queue_answers
    return checks


def _is_yes(name: str, answer: Future[bool]) -> bool:
    if not answer.done():
        return False
    if (error := answer.exception()) is not None:
        logger.warning("a dependency is away", exc_info=error, extra={"dependency": name})
        return False
    return answer.result()
