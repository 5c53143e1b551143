"""One environment: the components wired together from a stack's settings. Every stack is made here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from components.boundary import bound_roles
from components.database import Database
from components.database_capacity import connection_budget
from components.deploy_role import DeployRole
from components.function_args import KeptVersion, QueueSource, Schedule
from components.http_api import Domain, HttpApi, Throttle
from components.migration import Migration
from components.naming import physical_name
from components.network import Network
from components.observability import Observability
from components.packaging import (
    ARCHITECTURE,
    RUNTIME,
    dependencies_layer,
    files_package,
    runner_image,
    runner_layer,
    source_package,
)
from components.python_function import PythonFunction
from components.rate_limit_store import RateLimitStore
from components.sandbox_function import ENDPOINTS, SandboxFunction
from components.signing_keys import SigningKeys
from components.work_queue import WorkQueue
from service.core.limits_table import DEFAULT_THROTTLE, ROUTES
from service.core.unimported import UNIMPORTED
from service.migrations import head_revision
from stacks.settings import SettingsError, StackSettings

_ROOT = Path(__file__).parent.parent
_SANDBOX = ("sandbox_lambda", "locks/sandbox.txt")
"""The code that runs inside a sandbox, and what scripts may import there beside the standard library."""

_PLACEHOLDER = {"README": b"What runs here comes from a layer; see components/sandbox_function.py.\n"}


class _Shared(TypedDict):
    """What all functions of the service have alike."""

    code: pulumi.Archive
    layers: Sequence[pulumi.Input[str]]
    environment: Mapping[str, pulumi.Input[str]]
    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    log_retention_days: int


def environment(settings: StackSettings) -> None:
    """Registers the resources and the outputs of one stack."""
    if settings.stack != pulumi.get_stack():
        raise SettingsError(f"Stack {pulumi.get_stack()}: stack is {settings.stack!r}: give {pulumi.get_stack()!r}.")
    if settings.permissions_boundary_arn is not None:
        bound_roles(settings.permissions_boundary_arn)
    sandbox_endpoints = ENDPOINTS[settings.sandbox_isolation]
    network = Network(
        "network",
        {
            "region": settings.region,
            "availability_zones": settings.availability_zones,
            "cidr_block": settings.network_cidr,
            "egress": settings.network_egress,
            "endpoints": [*sandbox_endpoints, "secretsmanager", "sqs"],
            "flow_logs": settings.network_flow_logs,
            "log_retention_days": settings.log_retention_days,
        },
    )
    database = Database(
        "database",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids": network.subnet_ids,
            "database_name": "plinth",
            "min_capacity": settings.database_min_capacity,
            "max_capacity": settings.database_max_capacity,
            "instances": settings.database_instances,
            "login": settings.database_login,
            "former_login": settings.database_former_login,
            "proxy": settings.database_proxy,
            "connections": settings.database_connections,
            # They take some of the smallest capacities for themselves (Aurora User Guide: at least two units).
            "insights": settings.database_min_capacity >= 2,
            "log_retention_days": settings.log_retention_days,
            "backup_retention_days": settings.database_backup_days,
            "deletion_protection": settings.protect_data,
            "final_snapshot": settings.protect_data,
            "retain": settings.protect_data,
        },
    )
    signing_keys = SigningKeys("signing-keys", {"deletion_protection": settings.protect_data})
    rate_limits = RateLimitStore(
        "rate-limits",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids": network.subnet_ids,
            "max_ecpu_per_second": settings.rate_limit_ecpu_per_second,
        },
    )
    queue = WorkQueue(
        "runs",
        {
            "visibility_timeout_seconds": 6 * settings.worker_timeout_seconds,
            "max_receives": settings.queue_max_receives,
        },
    )
    sandbox = SandboxFunction(
        "sandbox",
        {
            "region": settings.region,
            "account_id": settings.account_id,
            "availability_zones": settings.availability_zones,
            "code": files_package("sandbox-template", _ROOT, _PLACEHOLDER),
            "runner": runner_layer("sandbox-runner", _ROOT, *_SANDBOX),
            "handler": "sandbox_lambda.handler.handle",
            "image": runner_image("sandbox-image", _ROOT, *_SANDBOX),
            "isolation": settings.sandbox_isolation,
            "memory_mb": settings.sandbox_memory_mb,
            "timeout_seconds": settings.sandbox_timeout_seconds,
            "reserved_concurrency": settings.sandbox_reserved_concurrency,
        },
    )

    dependencies = dependencies_layer("service-dependencies", _ROOT, "locks/service.txt", UNIMPORTED)
    shared = _Shared(
        code=source_package("service", _ROOT, "service"),
        layers=[_layer("service-dependencies", dependencies)],
        environment={"PLINTH_STACK": settings.stack, "POWERTOOLS_METRICS_NAMESPACE": "Plinth"},
        vpc_id=network.vpc_id,
        subnet_ids=network.subnet_ids,
        log_retention_days=settings.log_retention_days,
    )
    migrate = PythonFunction(
        "migrate",
        {
            **shared,
            "handler": "service.lambda_handlers.migrate.handler",
            "grants": [database.administers(), signing_keys.writes(), network.reaches("secretsmanager")],
            "timeout_seconds": 300,
        },
    )
    migration = Migration(
        "migration",
        {
            "function_name": migrate.name,
            "alias_name": migrate.alias_name,
            "revision": head_revision(),
            "stores": {
                # Made with the cluster: a new cluster is empty, whatever its clients log in with.
                "database": database.admin_secret_arn,
                "database_login": database.login_arn,
                "signing_keys": signing_keys.secret_arn,
            },
        },
        pulumi.ResourceOptions(depends_on=[database, migrate]),
    )
    after_migration = pulumi.ResourceOptions(depends_on=[migration])
    api = PythonFunction(
        "api",
        {
            **shared,
            "handler": "service.lambda_handlers.api.handler",
            "grants": [
                database.connects(),
                rate_limits.counts(),
                queue.sends(),
                queue.probes(),
                signing_keys.reads(),
                network.reaches("secretsmanager", "sqs"),
            ],
            "keeps": _kept(settings),
            "memory_mb": settings.api_memory_mb,
            "timeout_seconds": settings.api_timeout_seconds,
            "reserved_concurrency": settings.api_reserved_concurrency,
            "snap_start": settings.api_snap_start,
        },
        after_migration,
    )
    worker = PythonFunction(
        "worker",
        {
            **shared,
            "handler": "service.lambda_handlers.worker.handler",
            "grants": [
                database.connects(),
                queue.receives(),
                queue.sends(),
                sandbox.runs(),
                network.reaches(*sandbox_endpoints, "secretsmanager", "sqs"),
            ],
            "queues": [QueueSource(name="runs", queue_arn=queue.arn, maximum_concurrency=settings.worker_concurrency)],
            # A run that ends wakes its owner's next. That ends when no run waits, since each of them ends once.
            "allows_recursion": True,
            "memory_mb": settings.worker_memory_mb,
            "timeout_seconds": settings.worker_timeout_seconds,
        },
        after_migration,
    )
    reaper = PythonFunction(
        "reaper",
        {
            **shared,
            "handler": "service.lambda_handlers.reaper.handler",
            "grants": [
                database.connects(),
                queue.sends(),
                sandbox.reaps(),
                network.reaches(*sandbox_endpoints, "secretsmanager", "sqs"),
            ],
            "environment": {**shared["environment"], "QUEUE_MAX_RECEIVES": str(settings.queue_max_receives)},
            "schedules": [Schedule(name="pass", expression=_every(settings.reaper_minutes))],
            "timeout_seconds": 120,
        },
        after_migration,
    )
    shell = PythonFunction(
        "shell",
        {
            **shared,
            "handler": "service.lambda_handlers.shell.handler",
            "grants": [
                database.connects(),
                queue.sends(),
                signing_keys.reads(),
                network.reaches("secretsmanager", "sqs"),
            ],
            "timeout_seconds": 60,
        },
        after_migration,
    )
    http_api = HttpApi(
        "http-api",
        {
            "function_name": api.name,
            "alias_name": api.alias_name,
            "invoke_arn": api.invoke_arn,
            "routes": {key: Throttle(rate=route.rate, burst=route.burst) for key, route in ROUTES.items()},
            "default_throttle": Throttle(rate=DEFAULT_THROTTLE.rate, burst=DEFAULT_THROTTLE.burst),
            "cors_origins": settings.cors_origins,
            "domain": _domain(settings),
            "log_retention_days": settings.log_retention_days,
        },
    )
    functions = {"api": api, "worker": worker, "reaper": reaper, "migrate": migrate, "shell": shell}
    Observability(
        "observability",
        {
            "region": settings.region,
            "account_id": settings.account_id,
            "functions": {label: function.name for label, function in functions.items()},
            "api_id": http_api.api_id,
            "queue_name": queue.name,
            "dead_letters_name": queue.dead_letters_name,
            "database_cluster": database.cluster_identifier,
            "database_max_capacity": settings.database_max_capacity,
            "database_connections": connection_budget(
                settings.database_max_capacity, settings.database_min_capacity, proxied=settings.database_proxy
            ),
            "rate_limit_store": rate_limits.name,
            "reaper": "reaper",
            "reaper_minutes": settings.reaper_minutes,
            "emails": settings.alarm_emails,
            "monthly_budget_usd": settings.monthly_budget_usd,
        },
    )
    if settings.github_repository is not None:
        DeployRole(
            "deploy",
            {
                "repository": settings.github_repository,
                "environment": settings.stack,
                "account_id": settings.account_id,
                "region": settings.region,
                "oidc_provider_arn": settings.github_oidc_provider_arn,
                "state_bucket_arn": settings.github_state_bucket_arn,
                "secrets_key_arn": settings.github_secrets_key_arn,
                "hosted_zone_ids": [settings.api_domain_zone_id] if settings.api_domain_zone_id else [],
                "permissions_boundary_arn": settings.permissions_boundary_arn,
            },
        )

    pulumi.export("api_url", http_api.url)
    pulumi.export("docs_url", pulumi.Output.concat(http_api.url, "/docs"))
    pulumi.export("function_names", {name: function.name for name, function in functions.items()})
    pulumi.export("sandbox_function", sandbox.name)
    pulumi.export("database_endpoint", database.endpoint)
    pulumi.export("queue_url", queue.url)


def _layer(name: str, code: pulumi.Archive) -> pulumi.Output[str]:
    """A layer that functions of the stack import from: its ARN with the version."""
    return aws.lambda_.LayerVersion(
        name,
        layer_name=physical_name(name),
        code=code,
        compatible_architectures=[ARCHITECTURE],
        compatible_runtimes=[RUNTIME],
    ).arn


def _kept(settings: StackSettings) -> KeptVersion | None:
    if settings.api_kept_version is None:
        return None
    return KeptVersion(version=settings.api_kept_version, share=settings.api_kept_share)


def _domain(settings: StackSettings) -> Domain | None:
    if settings.api_domain is None:
        return None
    domain = Domain(name=settings.api_domain)
    if settings.api_domain_zone_id is not None:
        domain["zone_id"] = settings.api_domain_zone_id
    if settings.api_certificate_arn is not None:
        domain["certificate_arn"] = settings.api_certificate_arn
    return domain


def _every(minutes: int) -> str:
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
