"""A function runs as a role made of its grants, where and how it is told to."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.function_args import PythonFunctionArgs
from components.grants import Connection, Grant, allow
from components.python_function import PythonFunction
from tests.support.evaluation import (
    KEPT_FROM_THE_CODE,
    anywhere,
    deploy,
    inputs,
    names_of,
    policy,
    registered,
    resource,
)
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

FUNCTION, ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
EVENT_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
ARN = "arn:aws:lambda:eu-central-1:111111111111:function:plinth-test-api"
LOGS = "arn:aws:logs:eu-central-1:111111111111:log-group:/aws/lambda/plinth-test-api:*"
TRACES = anywhere("xray:PutTelemetryRecords", "xray:PutTraceSegments")
TOLD = {"POWERTOOLS_SERVICE_NAME": "plinth-test-api", "POWERTOOLS_TRACE_DISABLED": "false"}
OWN_LOG = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [LOGS]}

DATABASE = Grant(
    environment={"DATABASE_HOST": "db"},
    statements=[allow(["secretsmanager:GetSecretValue"], "arn:secret")],
    connections=[Connection(name="database", security_group_id="sg-database", port=5432)],
)
QUEUE = Grant(environment={"QUEUE_URL": "https://queue"}, statements=[allow(["sqs:SendMessage"], "arn:queue")])


def arguments(**more: Any) -> PythonFunctionArgs:
    merged: Any = {"code": pulumi.FileArchive("app-0123456789abcdef"), "handler": "app.handler", **more}
    return merged


def deployed(**more: Any) -> Manifest:
    return deploy(lambda: PythonFunction("api", arguments(**more)))


def test_outside_a_vpc_it_is_a_function_its_role_its_log_and_its_alias() -> None:
    manifest = deployed()
    assert registered(manifest) == [
        "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::api-logs",
        "plinth:index:PythonFunction$aws:iam/role:Role::api-role",
        "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::api-policy",
        "plinth:index:PythonFunction$aws:lambda/alias:Alias::api-live",
        "plinth:index:PythonFunction$aws:lambda/function:Function::api",
        "plinth:index:PythonFunction::api",
    ]
    function = inputs(manifest, FUNCTION, "api")
    assert function == {
        "code": {"archive": "sha256:0123456789abcdef"},
        "name": "plinth-test-api",
        "role": "arn:aws:iam::111111111111:role/plinth-test-api",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "app.handler",
        "memorySize": 512,
        "timeout": 20,
        "ephemeralStorage": {"size": 512},
        "environment": {"variables": TOLD},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/plinth-test-api"},
        "tracingConfig": {"mode": "Active"},
        "publish": True,
    }
    assert inputs(manifest, ALIAS, "api-live") == {
        "name": "live",
        "functionName": "plinth-test-api",
        "functionVersion": "${aws:lambda/function:Function::api.version}",
    }
    assert inputs(manifest, "aws:cloudwatch/logGroup:LogGroup", "api-logs") == {
        "name": "/aws/lambda/plinth-test-api",
        "retentionInDays": 30,
    }


def test_only_lambda_may_take_its_role() -> None:
    role = inputs(deployed(), "aws:iam/role:Role", "api-role")
    assert json.loads(role.pop("assumeRolePolicy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
    assert role == {"name": "plinth-test-api"}


def test_without_grants_it_may_only_write_its_own_log_and_traces() -> None:
    assert policy(deployed(), "api-policy") == [OWN_LOG, TRACES]


def test_a_function_that_is_not_traced_knows_it_and_may_not_send_traces() -> None:
    manifest = deployed(tracing=False)
    assert policy(manifest, "api-policy") == [OWN_LOG]
    function = inputs(manifest, FUNCTION, "api")
    assert function["environment"] == {"variables": {**TOLD, "POWERTOOLS_TRACE_DISABLED": "true"}}
    # Left out, Lambda would go on tracing a function that was traced before.
    assert function["tracingConfig"] == {"mode": "PassThrough"}


def test_its_role_and_environment_are_the_union_of_its_grants() -> None:
    manifest = deployed(grants=[DATABASE, QUEUE], environment={"STACK": "test"})
    assert policy(manifest, "api-policy") == [
        OWN_LOG,
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": ["arn:secret"]},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["arn:queue"]},
        TRACES,
    ]
    assert inputs(manifest, FUNCTION, "api")["environment"] == {
        "variables": {"DATABASE_HOST": "db", "QUEUE_URL": "https://queue", "STACK": "test", **TOLD}
    }


def test_a_variable_may_not_contradict_a_grant() -> None:
    with pytest.raises(ProgramError, match="variable QUEUE_URL to different values"):
        deployed(grants=[QUEUE], environment={"QUEUE_URL": "https://other"})


def test_in_a_vpc_it_reaches_its_grants_targets_and_nothing_else() -> None:
    manifest = deployed(grants=[DATABASE, QUEUE], vpc_id="vpc-1", subnet_ids=["subnet-1", "subnet-2"])
    assert registered(manifest) == [
        "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::api-logs",
        "plinth:index:PythonFunction$aws:ec2/securityGroup:SecurityGroup::api-security-group",
        "plinth:index:PythonFunction$aws:iam/role:Role::api-role",
        "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::api-policy",
        "plinth:index:PythonFunction$aws:iam/rolePolicyAttachment:RolePolicyAttachment::api-network-interfaces",
        "plinth:index:PythonFunction$aws:lambda/alias:Alias::api-live",
        "plinth:index:PythonFunction$aws:lambda/function:Function::api",
        "plinth:index:PythonFunction$aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule::api-to-database",
        "plinth:index:PythonFunction$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::api-into-database",
        "plinth:index:PythonFunction::api",
    ]
    group = "${aws:ec2/securityGroup:SecurityGroup::api-security-group.id}"
    port = {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}
    assert inputs(manifest, "aws:ec2/securityGroup:SecurityGroup", "api-security-group") == {
        "description": "The function plinth-test-api",
        "vpcId": "vpc-1",
    }
    assert inputs(manifest, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "api-to-database") == {
        **port,
        "description": "To database",
        "securityGroupId": group,
        "referencedSecurityGroupId": "sg-database",
    }
    assert inputs(manifest, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "api-into-database") == {
        **port,
        "description": "From plinth-test-api",
        "securityGroupId": "sg-database",
        "referencedSecurityGroupId": group,
    }
    assert inputs(manifest, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "api-network-interfaces") == {
        "role": "plinth-test-api",
        "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess",
    }
    function = inputs(manifest, FUNCTION, "api")
    assert function["vpcConfig"] == {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": [group]}
    assert function["replaceSecurityGroupsOnDestroy"] is True


def test_what_lambda_needs_to_join_a_network_is_denied_to_the_code() -> None:
    assert policy(deployed(vpc_id="vpc-1", subnet_ids=["subnet-1"]), "api-policy") == [
        KEPT_FROM_THE_CODE,
        OWN_LOG,
        TRACES,
    ]


def test_a_range_of_addresses_is_reached_by_ipv6_and_lets_nobody_in() -> None:
    internet = Grant(connections=[Connection(name="internet", cidr_ipv6="::/0", port=443)])
    manifest = deployed(grants=[internet], vpc_id="vpc-1", subnet_ids=["subnet-1"])
    assert inputs(manifest, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "api-to-internet") == {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "description": "To internet",
        "securityGroupId": "${aws:ec2/securityGroup:SecurityGroup::api-security-group.id}",
        "cidrIpv6": "::/0",
    }
    assert list(manifest.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")) == []
    assert inputs(manifest, FUNCTION, "api")["vpcConfig"]["ipv6AllowedForDualStack"] is True


def test_it_is_made_after_its_permissions_and_ways() -> None:
    manifest = deployed(grants=[DATABASE], vpc_id="vpc-1", subnet_ids=["subnet-1", "subnet-2"])
    assert names_of(resource(manifest, FUNCTION, "api")) == {
        "api-logs",
        "api-role",
        "api-policy",
        "api-network-interfaces",
        "api-security-group",
        "api-to-database",
        "api-into-database",
    }


JOBS = {"name": "jobs", "queue_arn": "arn:jobs"}
OFTEN = {"name": "often", "expression": "rate(1 minute)"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"vpc_id": "vpc-1"}, ": give vpc_id and subnet_ids together, or neither."),
        ({"subnet_ids": ["subnet-1"]}, ": give vpc_id and subnet_ids together, or neither."),
        ({"vpc_id": "vpc-1", "subnet_ids": []}, ": subnet_ids is []: give 1 to 16 subnets."),
        (
            {"handler": "handler"},
            (
                ": handler is 'handler': give a dotted path that ends in the function's name, such as "
                "'service.lambda_handlers.api.handler'."
            ),
        ),
        ({"layers": ["arn:layer"] * 6}, f": layers is {['arn:layer'] * 6}: give five layers at most."),
        ({"memory_mb": 127}, ": memory_mb is 127: give a whole number from 128 to 10240."),
        ({"memory_mb": 512.0}, ": memory_mb is 512.0: give a whole number from 128 to 10240."),
        ({"timeout_seconds": 901}, ": timeout_seconds is 901: give a whole number from 1 to 900."),
        ({"timeout_seconds": True}, ": timeout_seconds is True: give a whole number from 1 to 900."),
        ({"ephemeral_storage_mb": 511}, ": ephemeral_storage_mb is 511: give a whole number from 512 to 10240."),
        ({"reserved_concurrency": -1}, ": reserved_concurrency is -1: give a whole number from 0 to 100000, or None."),
        ({"snap_start": "yes"}, ": snap_start is 'yes': give True or False."),
        ({"tracing": 1}, ": tracing is 1: give True or False."),
        ({"allows_recursion": None}, ": allows_recursion is None: give True or False."),
        ({"environment": {"AWS_REGION": "x"}}, ": Lambda does not take an environment variable 'AWS_REGION': give it"),
        ({"environment": {"A-B": "x"}}, ": Lambda does not take an environment variable 'A-B': give it"),
        (
            {"queues": [{**JOBS, "batch_size": 11}]},
            ", queues: batch_size is 11: give a whole number from 1 to 10.",
        ),
        (
            {"queues": [{**JOBS, "maximum_concurrency": 1}]},
            ", queues: maximum_concurrency is 1: give a whole number from 2 to 1000.",
        ),
        ({"queues": [{"name": "jobs"}]}, ", queues: give it queue_arn."),
        ({"queues": [{**JOBS, "batchsize": 1}]}, ", queues has no argument 'batchsize': did you mean 'batch_size'?"),
        ({"queues": [JOBS, JOBS]}, ", queues: name is 'jobs': give each a name of its own."),
        (
            {"queues": [{**JOBS, "name": "Jobs"}]},
            ", queues: name is 'Jobs': give lower-case letters, digits and hyphens, a letter first.",
        ),
        (
            {"queues": [JOBS, {**JOBS, "name": "mail", "maximum_concurrency": 9}], "reserved_concurrency": 10},
            (
                ": reserved_concurrency is 10: give 11 or more, as many as its queues may use at once, since a "
                "message that finds no instance is delivered in vain and ends among the dead letters."
            ),
        ),
        (
            {"snap_start": True, "ephemeral_storage_mb": 513},
            (
                ": ephemeral_storage_mb is 513: leave it out, or snap_start, since Lambda takes snapshots of functions "
                "with 512 MB only."
            ),
        ),
        (
            {"schedules": [{**OFTEN, "name": "Often"}]},
            ", schedules: name is 'Often': give lower-case letters, digits and hyphens, a letter first.",
        ),
        ({"keeps": {}}, ", keeps: give it share and version."),
        ({"keeps": {"version": "41"}}, ", keeps: give it share."),
        (
            {"keeps": {"version": "$LATEST", "share": 0.5}},
            ", keeps: version is '$LATEST': give the number of a published version, in quotes, such as '41'.",
        ),
        ({"keeps": {"version": "41", "share": 1}}, ", keeps: share is 1: give a number above 0 and below 1, such as"),
        ({"keeps": {"version": "41", "share": 0.0}}, ", keeps: share is 0.0: give a number above 0 and below 1"),
        ({"keeps": {"version": "41", "share": float("nan")}}, ", keeps: share is nan: give a number above 0 and"),
    ],
)
def test_what_lambda_would_refuse_later_is_refused_at_once(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert f"PythonFunction 'api'{message}" in str(refused.value)


def test_as_many_instances_as_its_queues_may_use_are_enough() -> None:
    manifest = deployed(queues=[{**JOBS, "maximum_concurrency": 9}], reserved_concurrency=9)
    assert inputs(manifest, FUNCTION, "api")["reservedConcurrentExecutions"] == 9


def test_a_log_is_kept_for_as_long_as_cloudwatch_can_say() -> None:
    with pytest.raises(ProgramError, match="PythonFunction 'api': log_retention_days is 31: give one of 1, 3, 5, 7, "):
        deployed(log_retention_days=31)


@pytest.mark.parametrize(
    "expression",
    ["rate(1 minutes)", "rate(2 minute)", "rate(0 days)", "rate(1 week)", "cron(0 3 * * *)", "at(2027-01-01T00:00:00)"],
)
def test_a_schedule_that_would_never_or_once_come_is_refused(expression: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(schedules=[{"name": "often", "expression": expression}])
    assert (
        f"PythonFunction 'api', schedules: expression is '{expression}': give rate(1 minute), rate(2 hours) or alike, "
        "or cron() with six fields such as cron(0 3 * * ? *)."
    ) in str(refused.value)


def test_what_only_the_deployment_knows_is_left_to_it() -> None:
    def program() -> None:
        queue = aws.sqs.Queue("first")
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        PythonFunction("api", arguments(vpc_id=vpc.id, subnet_ids=queue.url.apply(lambda url: [url])))

    assert inputs(deploy(program), FUNCTION, "api")["vpcConfig"]["subnetIds"] == ["${aws:sqs/queue:Queue::first.url}"]


def test_a_snapshot_reserved_concurrency_and_size_are_as_asked() -> None:
    manifest = deployed(
        snap_start=True,
        reserved_concurrency=10,
        memory_mb=1024,
        timeout_seconds=15,
        log_retention_days=7,
        layers=["arn:layer:1"],
        ephemeral_storage_mb=512,
    )
    asked = {"snapStart", "reservedConcurrentExecutions", "memorySize", "timeout", "layers", "ephemeralStorage"}
    assert {key: value for key, value in inputs(manifest, FUNCTION, "api").items() if key in asked} == {
        "snapStart": {"applyOn": "PublishedVersions"},
        "reservedConcurrentExecutions": 10,
        "memorySize": 1024,
        "timeout": 15,
        "layers": ["arn:layer:1"],
        "ephemeralStorage": {"size": 512},
    }
    assert inputs(manifest, "aws:cloudwatch/logGroup:LogGroup", "api-logs")["retentionInDays"] == 7


def test_a_queue_invokes_the_alias_one_message_at_a_time() -> None:
    manifest = deployed(
        queues=[
            {"name": "jobs", "queue_arn": "arn:jobs"},
            {"name": "mail", "queue_arn": "arn:mail", "batch_size": 10, "maximum_concurrency": 20},
        ]
    )
    mapping = "aws:lambda/eventSourceMapping:EventSourceMapping"
    alias = f"{ARN.replace('plinth-test-api', 'plinth-test-api:live')}"
    assert [each.name for each in manifest.of_type(mapping)] == ["api-from-jobs", "api-from-mail"]
    assert inputs(manifest, mapping, "api-from-jobs") == {
        "eventSourceArn": "arn:jobs",
        "functionName": alias,
        "batchSize": 1,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": 2},
    }
    assert names_of(resource(manifest, mapping, "api-from-jobs")) == {"api-live", "api-policy"}
    mail = inputs(manifest, mapping, "api-from-mail")
    assert (mail["batchSize"], mail["scalingConfig"]) == (10, {"maximumConcurrency": 20})


def test_a_schedule_invokes_the_alias_once_each_time_and_may_do_nothing_else() -> None:
    manifest = deployed(
        schedules=[
            {"name": "often", "expression": "rate(1 minute)"},
            {"name": "nightly", "expression": "cron(0 3 * * ? *)"},
        ]
    )
    schedule, live = "aws:scheduler/schedule:Schedule", f"{ARN}:live"
    assert {each.name: each.inputs["scheduleExpression"] for each in manifest.of_type(schedule)} == {
        "api-often": "rate(1 minute)",
        "api-nightly": "cron(0 3 * * ? *)",
    }
    assert inputs(manifest, schedule, "api-often") == {
        "name": "plinth-test-api-often",
        "scheduleExpression": "rate(1 minute)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": live,
            "roleArn": "arn:aws:iam::111111111111:role/plinth-test-api-schedules",
            "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
        },
    }
    assert names_of(resource(manifest, schedule, "api-often")) == {
        "api-live",
        "api-schedules-role",
        "api-schedules-policy",
        "api-asynchronous",
    }
    assert inputs(manifest, EVENT_CONFIG, "api-asynchronous") == {
        "functionName": "plinth-test-api",
        "qualifier": "live",
        "maximumRetryAttempts": 0,
        "maximumEventAgeInSeconds": 60,
    }
    assert policy(manifest, "api-schedules-policy") == [
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [live]}
    ]
    role = inputs(manifest, "aws:iam/role:Role", "api-schedules-role")
    assert json.loads(role["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}},
        }
    ]


def test_whatever_invokes_it_or_hears_of_its_failures_is_its_child() -> None:
    manifest = deployed(
        queues=[JOBS], schedules=[OFTEN], on_failure_queue_arn="arn:aws:sqs:::failed", allows_recursion=True
    )
    assert registered(manifest) == [
        "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::api-logs",
        "plinth:index:PythonFunction$aws:iam/role:Role::api-role",
        "plinth:index:PythonFunction$aws:iam/role:Role::api-schedules-role",
        "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::api-policy",
        "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::api-schedules-policy",
        "plinth:index:PythonFunction$aws:lambda/alias:Alias::api-live",
        "plinth:index:PythonFunction$aws:lambda/eventSourceMapping:EventSourceMapping::api-from-jobs",
        "plinth:index:PythonFunction$aws:lambda/function:Function::api",
        "plinth:index:PythonFunction$aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig::api-asynchronous",
        "plinth:index:PythonFunction$aws:lambda/functionRecursionConfig:FunctionRecursionConfig::api-recursion",
        "plinth:index:PythonFunction$aws:scheduler/schedule:Schedule::api-often",
        "plinth:index:PythonFunction::api",
    ]


def test_what_was_called_otherwise_once_is_not_made_anew() -> None:
    config = resource(deployed(schedules=[OFTEN]), EVENT_CONFIG, "api-asynchronous")
    assert [json.loads(alias) for alias in config.aliases] == [{"name": "api-invoked-once", "parentUrn": ""}]


FAILURES = "arn:aws:sqs:eu-central-1:111111111111:failures"
SENDS_FAILURES = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [FAILURES]}


def test_what_it_could_not_handle_goes_to_one_queue_after_two_more_attempts() -> None:
    manifest = deployed(on_failure_queue_arn=FAILURES)
    assert registered(manifest) == [
        "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::api-logs",
        "plinth:index:PythonFunction$aws:iam/role:Role::api-role",
        "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::api-policy",
        "plinth:index:PythonFunction$aws:lambda/alias:Alias::api-live",
        "plinth:index:PythonFunction$aws:lambda/function:Function::api",
        f"plinth:index:PythonFunction${EVENT_CONFIG}::api-asynchronous",
        "plinth:index:PythonFunction::api",
    ]
    assert policy(manifest, "api-policy") == [OWN_LOG, SENDS_FAILURES, TRACES]
    assert inputs(manifest, EVENT_CONFIG, "api-asynchronous") == {
        "functionName": "plinth-test-api",
        "qualifier": "live",
        "maximumRetryAttempts": 2,
        "maximumEventAgeInSeconds": 21_600,
        "destinationConfig": {"onFailure": {"destination": FAILURES}},
    }
    assert names_of(resource(manifest, EVENT_CONFIG, "api-asynchronous")) == {"api-live", "api-policy"}


def test_what_a_schedule_could_not_deliver_goes_to_the_same_queue_without_another_attempt() -> None:
    manifest = deployed(on_failure_queue_arn=FAILURES, schedules=[OFTEN])
    config = inputs(manifest, EVENT_CONFIG, "api-asynchronous")
    assert (config["maximumRetryAttempts"], config["destinationConfig"]) == (
        0,
        {"onFailure": {"destination": FAILURES}},
    )
    target = inputs(manifest, "aws:scheduler/schedule:Schedule", "api-often")["target"]
    assert target["deadLetterConfig"] == {"arn": FAILURES}
    assert policy(manifest, "api-schedules-policy") == [
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [f"{ARN}:live"]},
        SENDS_FAILURES,
    ]


def test_an_older_version_keeps_the_share_of_traffic_that_it_is_given() -> None:
    manifest = deployed(keeps={"version": "41", "share": 0.9})
    assert inputs(manifest, ALIAS, "api-live") == {
        "name": "live",
        "functionName": "plinth-test-api",
        "functionVersion": "${aws:lambda/function:Function::api.version}",
        "routingConfig": {"additionalVersionWeights": {"41": 0.9}},
    }


def test_a_version_that_is_still_the_newest_is_not_named_twice() -> None:
    def program() -> None:
        published = "${aws:lambda/function:Function::api.version}"
        kept = pulumi.Output.from_input(published)
        function = PythonFunction("api", arguments(keeps={"version": kept, "share": 0.9}))
        pulumi.export("version", function.version)

    manifest = deploy(program)
    assert "routingConfig" not in inputs(manifest, ALIAS, "api-live")
    assert manifest.outputs == {"version": "${aws:lambda/function:Function::api.version}"}


def test_only_a_function_that_is_allowed_to_may_go_round_in_circles() -> None:
    config = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
    assert list(deployed().of_type(config)) == []
    assert inputs(deployed(allows_recursion=True), config, "api-recursion") == {
        "functionName": "plinth-test-api",
        "recursiveLoop": "Allow",
    }


def test_a_caller_gets_the_alias_and_the_right_to_invoke_it() -> None:
    manifest = deploy(lambda: pulumi.export("grant", PythonFunction("api", arguments()).invokes("API_FUNCTION")))
    assert manifest.outputs["grant"] == {
        "environment": {"API_FUNCTION": f"{ARN}:live"},
        "statements": [{"actions": ["lambda:InvokeFunction"], "resources": [f"{ARN}:live"]}],
    }


@pytest.mark.parametrize("several", [True, False])
def test_new_code_is_published_and_takes_traffic_after_what_it_is_told_to_wait_for(several: bool) -> None:
    def program() -> None:
        first = aws.sqs.Queue("first")
        waits = pulumi.ResourceOptions(depends_on=[first] if several else first)
        PythonFunction("api", arguments(snap_start=True), waits)

    manifest = deploy(program)
    assert names_of(resource(manifest, FUNCTION, "api")) == {"api-logs", "api-policy", "api-role", "first"}
    assert names_of(resource(manifest, ALIAS, "api-live")) == {"api"}
