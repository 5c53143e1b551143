"""What there is to watch in a stack, and the CloudWatch metrics of it: names and dimensions in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched, by its names on AWS. What is None is not there."""

    region: str
    stack: str
    functions: Mapping[str, pulumi.Input[str]]
    reaper: str | None = None
    reaper_minutes: int = 1
    metrics_namespace: str = "Plinth"
    api_id: pulumi.Input[str] | None = None
    api_error_percent: float = 1
    api_latency_ms: int = 1500
    queue_name: pulumi.Input[str] | None = None
    queue_age_seconds: int = 1800
    dead_letters_name: pulumi.Input[str] | None = None
    database_cluster: pulumi.Input[str] | None = None
    database_max_capacity: float | None = None
    database_connections: int | None = None
    rate_limit_store: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Metric:
    """One metric, and the statistic of it that is looked at: `Sum`, `Maximum`, or a percentile such as `p95`."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str


def of_api(api_id: pulumi.Input[str], name: str, statistic: str) -> Metric:
    """A metric of an HTTP API, all its routes together (API Gateway: Working with metrics for HTTP APIs)."""
    return Metric("AWS/ApiGateway", name, {"ApiId": api_id}, statistic)


def of_function(function_name: pulumi.Input[str], name: str, statistic: str) -> Metric:
    """A metric of a Lambda function, all its versions together."""
    return Metric("AWS/Lambda", name, {"FunctionName": function_name}, statistic)


def of_queue(queue_name: pulumi.Input[str], name: str, statistic: str) -> Metric:
    """A metric of an SQS queue."""
    return Metric("AWS/SQS", name, {"QueueName": queue_name}, statistic)


def of_writer(cluster: pulumi.Input[str], name: str, statistic: str) -> Metric:
    """A metric of an Aurora cluster's writer, whichever instance that is: readers would only water it down."""
    return Metric("AWS/RDS", name, {"DBClusterIdentifier": cluster, "Role": "WRITER"}, statistic)


def of_store(cache_name: pulumi.Input[str], name: str, statistic: str) -> Metric:
    """A metric of a serverless cache, whose dimension is written like no other."""
    return Metric("AWS/ElastiCache", name, {"clusterId": cache_name}, statistic)


def of_service(watched: Watched, function: str, name: str, statistic: str) -> Metric:
    """A metric that the service itself writes (`service/core/metrics.py`), of one function by its label."""
    dimensions = {"stack": watched.stack, "service": watched.functions[function]}
    return Metric(watched.metrics_namespace, name, dimensions, statistic)
