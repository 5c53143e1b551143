"""Programs applied to a real emulator: made, left alone, changed, replaced and deleted, each only where it must."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pulumi
import pytest
from pulumi_aws import (
    apigatewayv2,
    cloudwatch,
    ec2,
    elasticache,
    iam,
    kinesis,
    lambda_,
    lambdamicrovms,
    rds,
    scheduler,
    secretsmanager,
    sqs,
)

from components.http_api import HttpApi
from components.migration import Migration
from components.python_function import PythonFunction
from components.work_queue import WorkQueue
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.local.apply import LocalProvider
from workbench.local.cloud import Cloud
from workbench.local.handlers.apigatewayv2 import addressed_here
from workbench.local.handlers.iam import widened
from workbench.local.handlers.secretsmanager import remember
from workbench.local.handlers.sqs import policy_here
from workbench.local.state import State
from workbench.manifest import Manifest

pytestmark = pytest.mark.xdist_group("emulator")

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)


class Applied:
    """One stack's state, and what each apply of a program did to it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.state = State()
        self.steps: list[tuple[str, str]] = []

    def __call__(self, program: Callable[[], None]) -> Manifest:
        self.steps = []
        provider = LocalProvider(self.cloud, self.state, lambda step, what: self.steps.append((step, what.name)))
        manifest = evaluate(program, provider)
        provider.delete_unseen()
        self.steps.sort()
        return manifest


@pytest.fixture
def apply(cloud: Cloud) -> Iterator[Applied]:
    """A stack whose resources are deleted after the test: the emulator is every test's."""
    applied = Applied(cloud)
    yield applied
    applied(lambda: None)


def queues(cloud: Cloud) -> list[str]:
    return sorted(url.rpartition("/")[2] for url in cloud.client("sqs").list_queues().get("QueueUrls", []))


def code(folder: Path, text: str) -> pulumi.Archive:
    package = folder / f"code-{len(list(folder.iterdir()))}"
    package.mkdir()
    (package / "main.py").write_text(text)
    return pulumi.FileArchive(str(package))


def invoke(cloud: Cloud, name: str) -> Any:
    return json.loads(cloud.client("lambda").invoke(FunctionName=name)["Payload"].read())


def test_a_second_apply_changes_nothing(apply: Applied) -> None:
    def program() -> None:
        dead = sqs.Queue("same-dead", name="same-dead")
        sqs.Queue(
            "same",
            name="same",
            visibility_timeout_seconds=60,
            redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3}),
        )

    apply(program)
    assert apply.steps == [("create", "same"), ("create", "same-dead")]
    apply(program)
    assert apply.steps == [("same", "same"), ("same", "same-dead")]


def test_what_changed_is_updated_in_place_and_what_is_gone_is_deleted(apply: Applied) -> None:
    def program(seconds: int, *, second: bool) -> None:
        pulumi.export("url", sqs.Queue("jobs", name="jobs", visibility_timeout_seconds=seconds).url)
        if second:
            sqs.Queue("spare", name="spare")

    before = apply(lambda: program(30, second=True))
    after = apply(lambda: program(90, second=False))
    assert apply.steps == [("delete", "spare"), ("update", "jobs")]
    assert after.outputs == before.outputs
    attributes = apply.cloud.client("sqs").get_queue_attributes(QueueUrl=after.outputs["url"], AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "90"
    assert [name for name in queues(apply.cloud) if name in ("jobs", "spare")] == ["jobs"]


def test_another_name_is_another_resource(apply: Applied) -> None:
    apply(lambda: sqs.Queue("moved", name="moved-from") and None)
    apply(lambda: sqs.Queue("moved", name="moved-to") and None)
    assert apply.steps == [("replace", "moved")]
    assert [name for name in queues(apply.cloud) if name.startswith("moved")] == ["moved-to"]


def test_a_resource_without_a_name_gets_a_stable_one(apply: Applied) -> None:
    manifest = apply(lambda: pulumi.export("name", cloudwatch.LogGroup("unnamed", retention_in_days=7).name))
    name = manifest.outputs["name"]
    group = apply.cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    assert (group["logGroupName"], group["retentionInDays"]) == (name, 7)
    assert name.startswith("unnamed-")


def test_a_function_runs_its_code_and_a_change_of_code_publishes_a_version(apply: Applied, tmp_path: Path) -> None:
    def program(text: str) -> None:
        role = iam.Role("fn-role", name="fn-role", assume_role_policy=TRUST)
        function = lambda_.Function(
            "fn",
            name="fn",
            role=role.arn,
            runtime="python3.13",
            handler="main.handler",
            code=code(tmp_path, text),
            publish=True,
            environment={"variables": {"PGSSLMODE": "require", "POWERTOOLS_TRACE_DISABLED": "false", "OTHER": "kept"}},
            tracing_config={"mode": "Active"},
        )
        alias = lambda_.Alias("fn-live", name="live", function_name=function.name, function_version=function.version)
        pulumi.export("alias", alias.arn)
        pulumi.export("version", function.version)

    body = "import os\ndef handler(event, context):\n    return {0}"
    told = "[os.environ[name] for name in ('PGSSLMODE', 'POWERTOOLS_TRACE_DISABLED', 'OTHER')]"
    first = apply(lambda: program(body.format(told)))
    assert invoke(apply.cloud, first.outputs["alias"]) == ["disable", "true", "kept"]
    second = apply(lambda: program(body.format("'changed'")))
    assert apply.steps == [("same", "fn-role"), ("update", "fn"), ("update", "fn-live")]
    assert (first.outputs["version"], second.outputs["version"]) == ("1", "2")
    assert invoke(apply.cloud, second.outputs["alias"]) == "changed"


def test_a_function_may_do_what_its_role_says_and_nothing_else(apply: Applied, tmp_path: Path) -> None:
    text = """
import boto3, os
from botocore.exceptions import ClientError
def handler(event, context):
    said = []
    for url in (os.environ["MINE"], os.environ["OTHER"]):
        try:
            boto3.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
            said.append("sent")
        except ClientError as error:
            said.append(error.response["Error"]["Code"])
    return said
"""

    def program() -> None:
        role = iam.Role("sender-role", name="sender-role", assume_role_policy=TRUST)
        mine, other = sqs.Queue("mine", name="mine"), sqs.Queue("other", name="other")
        statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": mine.arn}
        iam.RolePolicy(
            "sender-policy",
            role=role.name,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        lambda_.Function(
            "sender",
            name="sender",
            role=role.arn,
            runtime="python3.13",
            handler="main.handler",
            code=code(tmp_path, text),
            environment={"variables": {"MINE": mine.url, "OTHER": other.url}},
        )

    apply(program)
    assert invoke(apply.cloud, "sender") == ["sent", "AccessDenied"]


def test_only_the_gaps_of_the_emulator_are_widened() -> None:
    statements = [
        {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:DeleteFunction"], "Resource": "arn:a"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:b"},
        {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "arn:b"},
        {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"},
    ]
    assert json.loads(widened(json.dumps({"Version": "2012-10-17", "Statement": statements}))) == {
        "Version": "2012-10-17",
        "Statement": [
            *statements,
            {"Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*"},
            {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "arn:b"},
        ],
    }


def test_of_conditions_only_those_that_the_emulator_cannot_know_are_dropped() -> None:
    known = {"aws:RequestTag/plinth:run-id": "false"}
    statement = {
        "Effect": "Allow",
        "Action": ["lambda:CreateFunction"],
        "Resource": "arn:a",
        "Condition": {"StringEquals": {"lambda:VpcIds": "vpc"}, "Null": {**known, "lambda:Layer": "false"}},
    }
    document = json.loads(widened(json.dumps({"Version": "2012-10-17", "Statement": [statement]})))
    assert document["Statement"] == [
        statement,
        {"Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*", "Condition": {"Null": known}},
    ]


def test_an_invocation_that_fails_stops_the_program_and_says_why(apply: Applied, tmp_path: Path) -> None:
    def program() -> None:
        role = iam.Role("bad-role", name="bad-role", assume_role_policy=TRUST)
        function = lambda_.Function(
            "bad",
            name="bad",
            role=role.arn,
            runtime="python3.13",
            handler="main.handler",
            code=code(tmp_path, "def handler(event, context):\n    raise RuntimeError('no table')"),
        )
        lambda_.Invocation("try", function_name=function.name, input="{}")

    with pytest.raises(UserError, match=r"The invocation try of bad failed: .*Error: no table"):
        apply(program)


def test_new_code_takes_no_traffic_until_its_migration_succeeds(apply: Applied, tmp_path: Path) -> None:
    def function(name: str, body: str, after: pulumi.Resource | None = None) -> PythonFunction:
        text = f"def handler(event, context):\n    {body}"
        return PythonFunction(
            name,
            {"code": code(tmp_path, text), "handler": "main.handler"},
            pulumi.ResourceOptions(depends_on=after),
        )

    def program(revision: str, *, migrates: str, answers: str) -> None:
        migrate = function("migrate", migrates)
        migration = Migration(
            "migration",
            {"function_name": migrate.name, "alias_name": migrate.alias_name, "revision": revision},
            pulumi.ResourceOptions(depends_on=[migrate]),
        )
        pulumi.export("api", function("api", f"return '{answers}'", migration).alias_arn)

    alias = apply(lambda: program("0001", migrates="return {}", answers="old")).outputs["api"]
    assert invoke(apply.cloud, alias) == "old"
    fails = "raise RuntimeError('revision 0002: the column exists')"
    with pytest.raises(UserError) as stopped:
        apply(lambda: program("0002", migrates=fails, answers="new"))
    failed = "The invocation migration of plinth-test-migrate failed"
    assert str(stopped.value) == f"{failed}: Runtime.HandlerError: revision 0002: the column exists"
    assert invoke(apply.cloud, alias) == "old"

    apply(lambda: program("0002", migrates="return {}", answers="new"))
    assert invoke(apply.cloud, alias) == "new"


def test_a_queue_that_refuses_what_comes_in_the_clear_is_used_all_the_same(apply: Applied, tmp_path: Path) -> None:
    text = """
import boto3, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody="hello")
"""

    def program() -> None:
        queue = WorkQueue("safe", {})
        PythonFunction("asks", {"code": code(tmp_path, text), "handler": "main.handler", "grants": [queue.sends()]})
        pulumi.export("url", queue.url)

    url = apply(program).outputs["url"]
    invoke(apply.cloud, "plinth-test-asks")
    (message,) = apply.cloud.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"


def test_of_a_queues_policy_only_what_would_deny_everything_here_is_left_out() -> None:
    tls = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    others = [
        {"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "111111111111"}}},
        {"Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Effect": "Deny"},
    ]
    kept = json.loads(policy_here(json.dumps({"Version": "2012-10-17", "Statement": [tls, *others]})))
    assert kept == {"Version": "2012-10-17", "Statement": others}
    assert policy_here(json.dumps({"Version": "2012-10-17", "Statement": [tls]})) == ""


def test_a_cluster_is_a_database_that_its_secret_opens(apply: Applied) -> None:
    def program() -> None:
        cluster = rds.Cluster(
            "db",
            engine="aurora-postgresql",
            database_name="shop",
            master_username="keeper",
            manage_master_user_password=True,
        )
        pulumi.export("port", cluster.port)
        pulumi.export("secret", cluster.master_user_secrets[0].secret_arn)

    outputs = apply(program).outputs
    secret = json.loads(
        apply.cloud.client("secretsmanager").get_secret_value(SecretId=outputs["secret"])["SecretString"]
    )
    with psycopg.connect(
        host="127.0.0.1", port=outputs["port"], dbname="shop", user=secret["username"], password=secret["password"]
    ) as connection:
        row = connection.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == ("keeper", False)


def value_of(cloud: Cloud, arn: str) -> str | None:
    return cloud.client("secretsmanager").get_secret_value(SecretId=arn).get("SecretString")


def test_a_secret_has_no_value_until_one_is_stored_and_keeps_it_when_its_description_changes(apply: Applied) -> None:
    def program(description: str, name: str = "kept") -> None:
        secret = secretsmanager.Secret("kept", name=name, description=description, recovery_window_in_days=0)
        pulumi.export("arn", secret.arn)

    arn = apply(lambda: program("one")).outputs["arn"]
    assert value_of(apply.cloud, arn) is None
    apply.cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="stored")
    assert apply(lambda: program("two")).outputs["arn"] == arn
    assert apply.steps == [("update", "kept")]
    assert value_of(apply.cloud, arn) == "stored"
    assert apply.cloud.client("secretsmanager").describe_secret(SecretId=arn)["Description"] == "two"
    other = apply(lambda: program("two", name="other")).outputs["arn"]
    assert (apply.steps, value_of(apply.cloud, other)) == ([("replace", "kept")], None)
    names = [each["Name"] for each in apply.cloud.client("secretsmanager").list_secrets()["SecretList"]]
    assert [name for name in names if name in ("kept", "other")] == ["other"]


def test_a_secret_has_its_value_again_after_the_emulator_forgot_it(apply: Applied) -> None:
    def program() -> None:
        pulumi.export("arn", secretsmanager.Secret("lasting", name="lasting").arn)
        pulumi.export("empty", secretsmanager.Secret("empty", name="empty").arn)

    outputs = apply(program).outputs
    client = apply.cloud.client("secretsmanager")
    client.put_secret_value(SecretId=outputs["arn"], SecretString="stored")
    remember(apply.cloud, apply.state)
    assert (apply.cloud.folder / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert "stored" not in json.dumps([vars(applied) for applied in apply.state.resources.values()])
    for arn in outputs.values():
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    apply.state = State()
    again = apply(program).outputs
    assert [value_of(apply.cloud, arn) for arn in again.values()] == ["stored", None]
    # Taken out of the program it is forgotten for good.
    apply(lambda: None)
    assert value_of(apply.cloud, apply(program).outputs["arn"]) is None


def test_a_function_may_read_and_store_only_the_secrets_of_its_role(apply: Applied, tmp_path: Path) -> None:
    text = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    client, said = boto3.client("secretsmanager"), []
    for call, arn in event:
        try:
            value = {} if call == "get_secret_value" else {"SecretString": "new"}
            getattr(client, call)(SecretId=arn, **value)
            said.append("done")
        except ClientError as error:
            said.append(error.response["Error"]["Code"])
    return said
"""

    def program() -> None:
        role = iam.Role("keeper-role", name="keeper-role", assume_role_policy=TRUST)
        read, written, other = (secretsmanager.Secret(name, name=name) for name in ("read", "written", "foreign"))
        get, put = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
        statements = [
            {"Effect": "Allow", "Action": [get], "Resource": [read.arn]},
            {"Effect": "Allow", "Action": [get, put], "Resource": [written.arn]},
        ]
        policy = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
        iam.RolePolicy("keeper-policy", role=role.name, policy=policy)
        archive = code(tmp_path, text)
        lambda_.Function(
            "keeper", name="keeper", role=role.arn, runtime="python3.13", handler="main.handler", code=archive
        )
        pulumi.export("arns", [read.arn, written.arn, other.arn])

    arns = apply(program).outputs["arns"]
    calls = [[call, arn] for arn in arns for call in ("get_secret_value", "put_secret_value")]
    answer = apply.cloud.client("lambda").invoke(FunctionName="keeper", Payload=json.dumps(calls))
    denied = "AccessDeniedException"
    assert json.loads(answer["Payload"].read()) == ["done", denied, "done", "done", denied, denied]


def test_a_moved_server_is_noticed_by_what_depends_on_it(apply: Applied) -> None:
    def program() -> None:
        cache = elasticache.ServerlessCache("counts", name="counts", engine="valkey")
        pulumi.export("port", cache.endpoints[0].port)

    assert apply(program).outputs == {"port": apply.cloud.cache_port}
    apply.cloud = Cloud(**{**vars(apply.cloud), "cache_port": 1})
    assert apply(program).outputs == {"port": 1}
    assert apply.steps == [("update", "counts")]


def test_an_api_is_made_with_its_route_settings(apply: Applied) -> None:
    def program(rate: int) -> None:
        api = apigatewayv2.Api("api", name="api", protocol_type="HTTP")
        route = apigatewayv2.Route("route", api_id=api.id, route_key="GET /x")
        limits = apigatewayv2.StageRouteSettingArgs(
            route_key=route.route_key, throttling_rate_limit=rate, throttling_burst_limit=2
        )
        apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True, route_settings=[limits])
        pulumi.export("id", api.id)
        pulumi.export("endpoint", api.api_endpoint)

    outputs = apply(lambda: program(1)).outputs
    assert outputs["endpoint"] == "http://localhost:8000"
    apply(lambda: program(5))
    assert apply.steps == [("same", "api"), ("same", "route"), ("update", "stage")]
    stage = apply.cloud.client("apigatewayv2").get_stage(ApiId=outputs["id"], StageName="$default")
    assert stage["RouteSettings"] == {"GET /x": {"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 2}}


def test_an_api_with_a_domain_is_addressed_where_it_answers(apply: Applied, tmp_path: Path) -> None:
    archive = code(tmp_path, "def handler(event, context): return None")

    def program() -> None:
        function = PythonFunction("answers", {"code": archive, "handler": "main.handler"})
        api = HttpApi(
            "edge",
            {
                "function_name": function.name,
                "alias_name": function.alias_name,
                "invoke_arn": function.invoke_arn,
                "routes": {"GET /x": {"rate": 1, "burst": 1}},
                "default_throttle": {"rate": 1, "burst": 1},
                "domain": {"name": "api.example.com", "zone_id": "Z0123456789"},
            },
        )
        pulumi.export("api_url", api.url)
        pulumi.export("docs_url", pulumi.Output.concat(api.url, "/docs"))
        pulumi.export("others", ["https://api.example.community", "see https://api.example.com"])

    manifest = apply(program)
    assert manifest.outputs["api_url"] == "https://api.example.com"
    assert addressed_here(manifest, apply.cloud) == {
        "api_url": "http://localhost:8000",
        "docs_url": "http://localhost:8000/docs",
        "others": ["https://api.example.community", "see https://api.example.com"],
    }


def program_of_a_function(folder: Path, *, tenants: bool = False, minutes: int = 1, recursive: bool = True) -> None:
    role = iam.Role("timed-role", name="timed-role", assume_role_policy=TRUST)
    function = lambda_.Function(
        "timed",
        name="timed",
        role=role.arn,
        runtime="python3.13",
        handler="main.handler",
        code=pulumi.FileArchive(str(folder)),
        publish=True,
        tenancy_config={"tenant_isolation_mode": "PER_TENANT"} if tenants else None,
    )
    lambda_.FunctionRecursionConfig(
        "timed-recursion", function_name=function.name, recursive_loop="Allow" if recursive else "Terminate"
    )
    lambda_.FunctionEventInvokeConfig(
        "timed-once", function_name=function.name, qualifier=function.version, maximum_retry_attempts=0
    )
    scheduler.Schedule(
        "timed-often",
        name="timed-often",
        schedule_expression=f"rate({minutes} minutes)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": function.arn, "role_arn": role.arn, "retry_policy": {"maximum_retry_attempts": 0}},
    )


def test_a_function_is_invoked_on_a_schedule_once_and_may_go_round_as_it_is_told(
    apply: Applied, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("def handler(event, context): return None")
    functions, schedules = apply.cloud.client("lambda"), apply.cloud.client("scheduler")
    apply(lambda: program_of_a_function(tmp_path))
    schedule = schedules.get_schedule(Name="timed-often")
    assert (schedule["ScheduleExpression"], schedule["Target"]["RetryPolicy"]) == (
        "rate(1 minutes)",
        {"MaximumRetryAttempts": 0},
    )
    assert functions.get_function_recursion_config(FunctionName="timed")["RecursiveLoop"] == "Allow"
    once = functions.get_function_event_invoke_config(FunctionName="timed", Qualifier="1")
    assert once["MaximumRetryAttempts"] == 0

    apply(lambda: program_of_a_function(tmp_path, minutes=5, recursive=False))
    assert [step for step in apply.steps if step[0] != "same"] == [
        ("update", "timed-often"),
        ("update", "timed-recursion"),
    ]
    assert schedules.get_schedule(Name="timed-often")["ScheduleExpression"] == "rate(5 minutes)"
    assert functions.get_function_recursion_config(FunctionName="timed")["RecursiveLoop"] == "Terminate"
    apply(lambda: None)
    assert schedules.list_schedules()["Schedules"] == []


def test_a_function_of_tenants_is_another_function(apply: Applied, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def handler(event, context): return None")
    apply(lambda: program_of_a_function(tmp_path))
    apply(lambda: program_of_a_function(tmp_path, tenants=True))
    assert ("replace", "timed") in apply.steps
    found = apply.cloud.client("lambda").get_function(FunctionName="timed")["Configuration"]
    assert found["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}


def test_a_vpc_knows_what_aws_gives_every_vpc(apply: Applied) -> None:
    def program() -> None:
        vpc = ec2.Vpc("alone", cidr_block="10.7.0.0/24", enable_dns_support=False)
        pulumi.export("vpc", vpc.id)
        pulumi.export("acl", vpc.default_network_acl_id)
        pulumi.export("table", vpc.default_route_table_id)
        pulumi.export("group", vpc.default_security_group_id)

    outputs, client = apply(program).outputs, apply.cloud.client("ec2")
    (acl,) = client.describe_network_acls(NetworkAclIds=[outputs["acl"]])["NetworkAcls"]
    (table,) = client.describe_route_tables(RouteTableIds=[outputs["table"]])["RouteTables"]
    (group,) = client.describe_security_groups(GroupIds=[outputs["group"]])["SecurityGroups"]
    assert {acl["VpcId"], table["VpcId"], group["VpcId"]} == {outputs["vpc"]}
    assert (acl["IsDefault"], group["GroupName"]) == (True, "default")


def test_microvms_are_refused_in_one_line_that_says_what_to_do(apply: Applied) -> None:
    def program() -> None:
        lambdamicrovms.Image(
            "image", base_image_arn="arn:base", build_role_arn="arn:role", code_artifact={"uri": "s3://b"}
        )

    with pytest.raises(UserError) as refused:
        apply(program)
    assert str(refused.value) == (
        "image (aws:lambdamicrovms/image:Image): there are no virtual machines here to run MicroVMs. Bring the stack "
        "up with another sandbox_isolation, such as 'ephemeral'; `plinth manifest` shows what this one would deploy."
    )


def test_a_type_without_a_handler_is_refused_by_name(apply: Applied) -> None:
    with pytest.raises(UserError, match=r"no handler for aws:kinesis/stream:Stream \(stream\)\. Add one in"):
        apply(lambda: kinesis.Stream("stream", shard_count=1) and None)


def test_an_input_that_no_handler_knows_is_refused_by_name(apply: Applied) -> None:
    with pytest.raises(UserError, match=r"does not know the input kmsMasterKeyId of aws:sqs/queue:Queue \(q\)"):
        apply(lambda: sqs.Queue("q", kms_master_key_id="alias/x") and None)


def test_a_bad_value_is_told_with_the_resource_and_the_reason(apply: Applied) -> None:
    with pytest.raises(UserError, match=r"^aws:cloudwatch/logGroup:LogGroup g: .*retention"):
        apply(lambda: cloudwatch.LogGroup("g", retention_in_days=2) and None)


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"resources": 3}', '{"resources": [{"urn": "x"}]}'])
def test_a_spoilt_state_begins_anew(spoilt: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(spoilt)
    assert State.load(tmp_path / "state.json") == State(applying=True)
