"""Every stack evaluates, and is what its settings say."""

import dataclasses
import json
import re
from importlib import import_module
from typing import Any

import pytest

from service.core.limits_table import DEFAULT_THROTTLE, ROUTES
from service.migrations import head_revision
from stacks.environment import environment
from stacks.settings import StackSettings
from tests.support.evaluation import (
    KEPT_FROM_THE_CODE,
    anywhere,
    deploy,
    inputs,
    names_of,
    policy,
    registered,
    resource,
    stack_manifest,
)
from workbench.evaluate import ProgramError
from workbench.manifest import shown
from workbench.project import configuration, stack_names

STACKS = stack_names()
FUNCTION = "aws:lambda/function:Function"
MASTER_SECRET = "${aws:rds/cluster:Cluster::database.masterUserSecrets[0].secretArn}"
FUNCTIONS = ("api", "worker", "reaper", "migrate", "shell")

every_stack = pytest.mark.parametrize("stack", STACKS)


def arn(stack: str, service: str, rest: str) -> str:
    config = configuration(stack)
    region = "" if service == "iam" else config.region
    return f"arn:aws:{service}:{region}:{config.account}:{rest}"


def own_log(stack: str, function: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [arn(stack, "logs", f"log-group:/aws/lambda/plinth-{stack}-{function}:*")],
    }


def secrets(stack: str, *resources: str, write: bool = False) -> dict[str, Any]:
    actions = ["secretsmanager:GetSecretValue", *(["secretsmanager:PutSecretValue"] if write else [])]
    return {"Effect": "Allow", "Action": actions, "Resource": [*resources]}


def secret(stack: str, name: str) -> str:
    return arn(stack, "secretsmanager", f"secret:plinth-{stack}-{name}")


TRACES = anywhere("xray:PutTelemetryRecords", "xray:PutTraceSegments")


@every_stack
def test_a_stack_has_the_components_of_one_environment(stack: str) -> None:
    components = [each for each in registered(stack_manifest(stack)) if each.startswith("plinth:") and "$" not in each]
    assert components == [
        "plinth:index:Database::database",
        "plinth:index:HttpApi::http-api",
        "plinth:index:Migration::migration",
        "plinth:index:Network::network",
        "plinth:index:Observability::observability",
        "plinth:index:PythonFunction::api",
        "plinth:index:PythonFunction::migrate",
        "plinth:index:PythonFunction::reaper",
        "plinth:index:PythonFunction::shell",
        "plinth:index:PythonFunction::worker",
        "plinth:index:RateLimitStore::rate-limits",
        "plinth:index:SandboxFunction::sandbox",
        "plinth:index:SigningKeys::signing-keys",
        "plinth:index:WorkQueue::runs",
    ]


@every_stack
def test_outside_components_there_is_only_the_layer_that_they_share(stack: str) -> None:
    top = [each for each in registered(stack_manifest(stack)) if not each.startswith("plinth:")]
    assert top == ["aws:lambda/layerVersion:LayerVersion::service-dependencies"]
    for name in ("sandbox-runner", "service-dependencies"):
        layer = inputs(stack_manifest(stack), "aws:lambda/layerVersion:LayerVersion", name)
        assert re.fullmatch("sha256:[0-9a-f]{20}", layer.pop("code")["archive"])
        assert layer == {
            "layerName": f"plinth-{stack}-{name}",
            "compatibleArchitectures": ["arm64"],
            "compatibleRuntimes": ["python3.13"],
        }


@every_stack
def test_the_names_of_children_begin_with_the_name_of_their_component(stack: str) -> None:
    astray = [
        each.urn
        for each in stack_manifest(stack).resources
        if "$" in each.urn and not each.name.startswith(each.parent.rpartition("::")[2])
    ]
    assert astray == []


@every_stack
def test_the_outputs_are_the_ones_promised(stack: str) -> None:
    api = "${aws:apigatewayv2/api:Api::http-api.apiEndpoint}"
    assert shown(stack_manifest(stack).outputs) == {
        "api_url": api,
        "docs_url": f"{api}/docs",
        "function_names": {name: f"plinth-{stack}-{name}" for name in FUNCTIONS},
        "sandbox_function": f"plinth-{stack}-sandbox",
        "database_endpoint": "${aws:rds/cluster:Cluster::database.endpoint}",
        "queue_url": "${aws:sqs/queue:Queue::runs.url}",
    }


@every_stack
def test_every_route_of_the_service_is_a_route_with_its_throttle(stack: str) -> None:
    manifest = stack_manifest(stack)
    routes = manifest.of_type("aws:apigatewayv2/route:Route")
    assert {route.inputs["routeKey"] for route in routes} == set(ROUTES)
    stage = inputs(manifest, "aws:apigatewayv2/stage:Stage", "http-api-stage")
    throttles = {
        each["routeKey"]: (each["throttlingRateLimit"], each["throttlingBurstLimit"]) for each in stage["routeSettings"]
    }
    assert throttles == {key: (limit.rate, limit.burst) for key, limit in ROUTES.items()}
    default = stage["defaultRouteSettings"]
    assert (default["throttlingRateLimit"], default["throttlingBurstLimit"]) == (
        DEFAULT_THROTTLE.rate,
        DEFAULT_THROTTLE.burst,
    )


@every_stack
def test_each_role_is_exactly_what_its_function_uses(stack: str) -> None:
    manifest = stack_manifest(stack)
    queue = arn(stack, "sqs", f"plinth-{stack}-runs")
    assert {each.name for each in manifest.of_type("aws:iam/rolePolicy:RolePolicy")} - OF_THE_NETWORK == {
        "api-policy",
        "migrate-policy",
        "reaper-policy",
        "reaper-schedules-policy",
        "shell-policy",
        "worker-policy",
        "sandbox-policy",
    }
    keys, sends = secret(stack, "signing-keys"), on_queue(queue, "sqs:SendMessage")
    assert statements(stack, "migrate") == [
        own_log(stack, "migrate"),
        *([secrets(stack, secret(stack, "database-app"), write=True)] if stack == "dev" else []),
        secrets(stack, keys, write=True),
        secrets(stack, MASTER_SECRET),
        TRACES,
    ]
    assert statements(stack, "api") == [
        own_log(stack, "api"),
        login(stack),
        secrets(stack, keys),
        on_queue(queue, "sqs:GetQueueAttributes"),
        sends,
        TRACES,
    ]
    assert statements(stack, "shell") == [own_log(stack, "shell"), login(stack), secrets(stack, keys), sends, TRACES]
    # What the worker and the reaper may do with sandboxes is in tests/components/test_sandbox_function.py.
    consumes = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    assert [each for each in statements(stack, "worker") if not of_sandboxes(each)] == [
        own_log(stack, "worker"),
        login(stack),
        on_queue(queue, *consumes),
        sends,
        TRACES,
    ]
    assert [each for each in statements(stack, "reaper") if not of_sandboxes(each)] == [
        own_log(stack, "reaper"),
        login(stack),
        sends,
        TRACES,
    ]


OF_THE_NETWORK = {"network-flow-logs-policy"}
"""Its rights are in tests/components/test_network.py."""


def login(stack: str) -> dict[str, Any]:
    """What it takes to log in to the database: dev's secret, or prod's right to make tokens."""
    if stack == "dev":
        return secrets(stack, secret(stack, "database-app"))
    user = "dbuser:${aws:rds/cluster:Cluster::database.clusterResourceId}/plinth_app_iam"
    return {"Effect": "Allow", "Action": ["rds-db:connect"], "Resource": [arn(stack, "rds-db", user)]}


def on_queue(queue: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": [queue]}


def statements(stack: str, function: str) -> list[dict[str, Any]]:
    """What a function may do, in the order in which the actions read; what all of them may not is asserted here."""
    found = policy(stack_manifest(stack), f"{function}-policy")
    assert found[0] == KEPT_FROM_THE_CODE
    order = ("logs", "rds-db", "secretsmanager", "sqs", "ec2", "iam", "lambda", "xray")
    return sorted(found[1:], key=lambda entry: order.index(entry["Action"][0].partition(":")[0]))


def of_sandboxes(statement: dict[str, Any]) -> bool:
    return statement["Effect"] == "Allow" and statement["Action"][0].startswith(("ec2:", "iam:", "lambda:"))


@every_stack
def test_the_worker_and_the_reaper_get_the_rights_to_sandboxes_and_nobody_else_does(stack: str) -> None:
    manifest = stack_manifest(stack)
    used = {
        each.name: sorted(
            {action for entry in policy(manifest, each.name) if of_sandboxes(entry) for action in entry["Action"]}
        )
        for each in manifest.of_type("aws:iam/rolePolicy:RolePolicy")
        if each.name not in {"sandbox-policy", *OF_THE_NETWORK}
    }
    assert used == {
        "api-policy": [],
        "migrate-policy": [],
        "reaper-policy": ["lambda:DeleteFunction", "lambda:GetFunction", "lambda:ListFunctions", "lambda:ListTags"],
        "reaper-schedules-policy": ["lambda:InvokeFunction"],
        "shell-policy": [],
        "worker-policy": [
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "iam:PassRole",
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:GetFunction",
            "lambda:GetLayerVersion",
            "lambda:InvokeFunction",
            "lambda:TagResource",
        ],
    }


@every_stack
def test_the_reaper_passes_every_minute_and_the_worker_may_wake_itself(stack: str) -> None:
    manifest = stack_manifest(stack)
    (schedule,) = manifest.of_type("aws:scheduler/schedule:Schedule")
    assert (schedule.name, schedule.inputs["scheduleExpression"]) == ("reaper-pass", "rate(1 minute)")
    assert schedule.inputs["target"]["arn"] == arn(stack, "lambda", f"function:plinth-{stack}-reaper:live")
    (recursion,) = manifest.of_type("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert recursion.inputs == {"functionName": f"plinth-{stack}-worker", "recursiveLoop": "Allow"}
    reaper, worker = (inputs(manifest, FUNCTION, name) for name in ("reaper", "worker"))
    assert reaper["timeout"] == 120
    known, told = (each["environment"]["variables"]["QUEUE_MAX_RECEIVES"] for each in (reaper, worker))
    assert known == told == "5"


@every_stack
def test_no_program_knows_a_secret_value(stack: str) -> None:
    made = {(each.type, each.name) for each in stack_manifest(stack).resources if "secretsmanager" in each.type}
    names = {"dev": ("database-app", "signing-keys"), "prod": ("signing-keys",)}[stack]
    assert made == {("aws:secretsmanager/secret:Secret", name) for name in names}


@every_stack
def test_each_function_knows_what_it_uses(stack: str) -> None:
    manifest = stack_manifest(stack)
    variables = {
        name: set(inputs(manifest, FUNCTION, name).get("environment", {"variables": {}})["variables"])
        for name in (*FUNCTIONS, "sandbox")
    }
    every = {"PLINTH_STACK", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_TRACE_DISABLED"}
    logins = {"dev": {"DATABASE_SECRET_ARN"}, "prod": {"DATABASE_LOGIN", "DATABASE_USER"}}
    database = {"DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "PGSSLMODE"} | logins[stack]
    sandboxes = {"SANDBOX_ISOLATION", "SANDBOX_FUNCTION"}
    assert variables == {
        "api": every
        | database
        | reached(stack, "SECRETS_MANAGER", "SQS")
        | {"QUEUE_URL", "RATE_LIMIT_STORAGE_URI", "SIGNING_KEYS_SECRET_ARN"},
        "worker": every
        | database
        | reached(stack, "LAMBDA", "SECRETS_MANAGER", "SQS")
        | sandboxes
        | {"QUEUE_URL", "QUEUE_MAX_RECEIVES"},
        "reaper": every
        | database
        | reached(stack, "LAMBDA", "SECRETS_MANAGER", "SQS")
        | sandboxes
        | {"QUEUE_URL", "QUEUE_MAX_RECEIVES"},
        "migrate": every
        | database
        | reached(stack, "SECRETS_MANAGER")
        | {"DATABASE_ADMIN_SECRET_ARN", "SIGNING_KEYS_SECRET_ARN"},
        "shell": every | database | reached(stack, "SECRETS_MANAGER", "SQS") | {"QUEUE_URL", "SIGNING_KEYS_SECRET_ARN"},
        "sandbox": set(),
    }
    for name in FUNCTIONS:
        known = inputs(manifest, FUNCTION, name)["environment"]["variables"]
        assert {name: known[name] for name in every} == {
            "PLINTH_STACK": stack,
            "POWERTOOLS_METRICS_NAMESPACE": "Plinth",
            "POWERTOOLS_SERVICE_NAME": f"plinth-{stack}-{name}",
            "POWERTOOLS_TRACE_DISABLED": "false",
        }
        told = {name: known[name] for name in logins[stack]}
        assert (
            told
            == {
                "dev": {"DATABASE_SECRET_ARN": secret("dev", "database-app")},
                "prod": {"DATABASE_LOGIN": "iam", "DATABASE_USER": "plinth_app_iam"},
            }[stack]
        )


def reached(stack: str, *services: str) -> set[str]:
    """Where a function finds services by IPv6, in dev; prod has endpoints of its own, at the usual names."""
    return {f"AWS_ENDPOINT_URL_{service}" for service in services} if stack == "dev" else set()


@every_stack
def test_the_ways_between_security_groups_are_these(stack: str) -> None:
    manifest = stack_manifest(stack)
    stores = {f"{function}-to-database": 5432 for function in FUNCTIONS} | {"api-to-rate-limits": 6379}
    services = {"dev": "ipv6-internet", "prod": "endpoints"}[stack]
    egress = manifest.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    ingress = manifest.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    outwards = {f"{function}-to-{services}": 443 for function in FUNCTIONS}
    assert {rule.name: rule.inputs["fromPort"] for rule in egress} == stores | outwards
    # Nothing of this stack stands at the other end of the way to the internet.
    inwards = outwards if stack == "prod" else {}
    assert {rule.name.replace("-into-", "-to-"): rule.inputs["toPort"] for rule in ingress} == stores | inwards


@every_stack
def test_the_migration_runs_on_a_ready_database_before_new_code_takes_traffic(stack: str) -> None:
    manifest = stack_manifest(stack)
    invocation = resource(manifest, "aws:lambda/invocation:Invocation", "migration")
    instances = {each.name for each in manifest.of_type("aws:rds/clusterInstance:ClusterInstance")}
    assert invocation.inputs["triggers"] == {
        "revision": head_revision(),
        "database": MASTER_SECRET,
        "database_login": login(stack)["Resource"][0],
        "signing_keys": secret(stack, "signing-keys"),
    }
    assert names_of(invocation) >= instances | {"migrate-live", "migrate-into-database", "migrate-policy"}
    for function in ("api", "worker", "reaper", "shell"):
        # Publishing a version with a snapshot runs the code, which needs what the migration stores.
        assert "migration" in names_of(resource(manifest, FUNCTION, function))
        assert function in names_of(resource(manifest, "aws:lambda/alias:Alias", f"{function}-live"))
        assert "migration" in names_of(resource(manifest, "plinth:index:PythonFunction", function))


@every_stack
def test_a_run_stays_hidden_for_six_times_the_workers_timeout(stack: str) -> None:
    manifest = stack_manifest(stack)
    worker = inputs(manifest, FUNCTION, "worker")
    assert inputs(manifest, "aws:sqs/queue:Queue", "runs")["visibilityTimeoutSeconds"] == 6 * worker["timeout"]


@every_stack
def test_all_functions_but_the_sandbox_share_one_package(stack: str) -> None:
    manifest = stack_manifest(stack)
    packages = {name: inputs(manifest, FUNCTION, name)["code"]["archive"] for name in FUNCTIONS}
    assert len(set(packages.values())) == 1
    assert inputs(manifest, FUNCTION, "sandbox")["code"]["archive"] not in packages.values()


def settings_of(stack: str, monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    """What a stack's package hands to `environment`."""
    package, taken = import_module(f"stacks.{stack}"), list[StackSettings]()
    with monkeypatch.context() as patch:
        patch.setattr(package, "environment", taken.append)
        deploy(package.deploy)
    return taken[0]


def test_dev_and_prod_differ_in_nothing_but_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prod with those settings of dev's that decide whether there is something registers exactly what dev has."""
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    dev, prod = settings_of("dev", monkeypatch), settings_of("prod", monkeypatch)
    alike = ("zones", "network_egress", "network_flow_logs", "database_login", "database_instances", "protect_data")
    mixed = dataclasses.replace(prod, stack="test", **{name: getattr(dev, name) for name in alike})
    assert registered(deploy(lambda: environment(mixed))) == registered(stack_manifest("dev"))


def test_the_settings_of_another_stack_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would let the workflows of that one deploy this one, and count both as one in metrics."""
    dev = settings_of("dev", monkeypatch)
    with pytest.raises(ProgramError, match=r"^Stack test: stack is 'dev': give 'test'\."):
        deploy(lambda: environment(dev))


def test_prod_has_beside_dev_what_its_settings_say() -> None:
    dev, prod = set(registered(stack_manifest("dev"))), set(registered(stack_manifest("prod")))
    assert {line.rpartition("::")[2] for line in prod - dev} == {
        "database-instance-2",
        "database-refused-tokens",
        "network",
        "network-endpoint-lambda",
        "network-endpoint-secretsmanager",
        "network-endpoint-sqs",
        "network-endpoints",
        "network-flow-log",
        "network-flow-logs",
        "network-flow-logs-policy",
        "network-flow-logs-role",
        *(f"{function}-{way}-endpoints" for function in FUNCTIONS for way in ("to", "into")),
    }


@pytest.mark.parametrize(
    ("stack", "protect", "retain", "expected"),
    [
        (
            "dev",
            False,
            False,
            {
                "backupRetentionPeriod": 1,
                "deletionProtection": False,
                "serverlessv2ScalingConfiguration": {"minCapacity": 0.5, "maxCapacity": 2},
                "skipFinalSnapshot": True,
            },
        ),
        (
            "prod",
            True,
            True,
            {
                "backupRetentionPeriod": 30,
                "deletionProtection": True,
                "serverlessv2ScalingConfiguration": {"minCapacity": 2, "maxCapacity": 16},
                "skipFinalSnapshot": False,
            },
        ),
    ],
)
def test_data_is_kept_in_prod_and_free_to_go_in_dev(
    stack: str, protect: bool, retain: bool, expected: dict[str, Any]
) -> None:
    manifest = stack_manifest(stack)
    kept = {each.name for each in manifest.resources if each.protect and each.custom}
    retained = {each.name for each in manifest.resources if each.retain_on_delete and each.custom}
    database = {each.name for each in manifest.resources if "plinth:index:Database$" in each.urn}
    # Logins and what is logged of them can be made anew.
    data = database - {"database-app", "database-refused-tokens"}
    assert kept == (data | {"signing-keys"} if protect else set())
    assert retained == (data if retain else set())
    cluster = inputs(manifest, "aws:rds/cluster:Cluster", "database")
    assert {key: cluster[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("stack", "zones", "retention", "reserved", "concurrency"),
    [("dev", "ab", 7, None, 10), ("prod", "abc", 90, 200, 20)],
)
def test_dev_and_prod_differ_in_zones_retention_and_concurrency(
    stack: str, zones: str, retention: int, reserved: int | None, concurrency: int
) -> None:
    manifest, region = stack_manifest(stack), configuration(stack).region
    own = [each for each in manifest.of_type("aws:ec2/subnet:Subnet") if each.name.startswith("network-")]
    subnets = {
        "dev": [each.inputs["availabilityZone"] for each in own],
        "prod": [zone for each in manifest.of_type("awsx:ec2:Vpc") for zone in each.inputs["availabilityZoneNames"]],
    }
    assert subnets[stack] == [f"{region}{zone}" for zone in zones]
    groups = manifest.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert {each.name: each.inputs["retentionInDays"] for each in groups} == {
        "api-logs": retention,
        "database-logs": retention,
        **({"database-refused-tokens": retention, "network-flow-logs": retention} if stack == "prod" else {}),
        "migrate-logs": retention,
        "reaper-logs": retention,
        "shell-logs": retention,
        "worker-logs": retention,
        "http-api-access-log": retention,
        "sandbox-logs": 3,
    }
    assert inputs(manifest, FUNCTION, "api").get("reservedConcurrentExecutions") == reserved
    mapping = inputs(manifest, "aws:lambda/eventSourceMapping:EventSourceMapping", "worker-from-runs")
    assert mapping["scalingConfig"] == {"maximumConcurrency": concurrency}


@every_stack
def test_a_stack_is_the_same_each_time_it_is_evaluated(stack: str) -> None:
    once = stack_manifest(stack).shown()
    stack_manifest.cache_clear()
    assert json.dumps(stack_manifest(stack).shown()) == json.dumps(once)
