"""Metrics of one invocation, written to the log in CloudWatch's embedded format when it ends. Nothing is written
outside Lambda, unless POWERTOOLS_METRICS_NAMESPACE asks for it.

Their dimensions are the function and the stack alone: CloudWatch bills every combination of dimensions as a metric of
its own. What else is known, such as the route, is in the same log line for Logs Insights to search.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from service.core.settings import get_settings, service_name

Unit = Literal["Count", "Milliseconds"]

_NAMESPACE = "POWERTOOLS_METRICS_NAMESPACE"
_collected: AmazonCloudWatchEMFProvider | None = None


@contextmanager
def collected() -> Generator[None]:
    """Collect what is added meanwhile and write it at the end, also where the block raises."""
    global _collected
    before, _collected = _collected, _provider()
    try:
        yield
    finally:
        if _collected is not None and _collected.metric_set:
            _collected.flush_metrics()
        _collected = before


def add(name: str, value: float = 1, unit: Unit = "Count") -> None:
    """Add a value to the invocation's metric of that name; nothing where none are collected."""
    if _collected is not None:
        _collected.add_metric(name, unit, value)


def describe(key: str, value: str | int) -> None:
    """Add what is known of the invocation to the line of its metrics, where it can be searched for."""
    if _collected is not None:
        _collected.add_metadata(key, value)


def _provider() -> AmazonCloudWatchEMFProvider | None:
    settings = get_settings()
    namespace = os.environ.get(_NAMESPACE) or ("Plinth" if settings.aws_lambda_function_name else None)
    if namespace is None:
        return None
    return AmazonCloudWatchEMFProvider(
        namespace=namespace, service=service_name(), default_dimensions={"stack": settings.plinth_stack}
    )
