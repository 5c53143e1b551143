"""Where calls that wait for something else are made: the database, the store of counts, a password's hash."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool

from service.core.settings import get_settings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def waiting(
    function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call the function without keeping other requests from being served meanwhile.

    Lambda gives a process one request at a time: there, nobody is kept, and to change threads would take longer than
    most of the calls do.
    """
    if _is_alone():
        return function(*args, **kwargs)
    return await run_in_threadpool(function, *args, **kwargs)


async def releasing(function: Callable[..., Result], *args: object) -> Result:
    """The same for a call that gives back what others wait for. It never queues behind them for a thread."""
    if _is_alone():
        return function(*args)
    return await to_thread.run_sync(function, *args, limiter=CapacityLimiter(1))


def _is_alone() -> bool:
    return get_settings().aws_lambda_function_name is not None
