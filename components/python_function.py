"""A Python function on Lambda: its code, its log, a role made only of grants, and the alias that takes traffic."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, check_keys
from components.grants import Connection, Grant, Statement, allow, allow_unscoped, deny, policy_document, union
from components.naming import physical_name
from components.packaging import ARCHITECTURE, RUNTIME
from components.rules import Rule, check, demand, like, or_none, retention, several, truth, whole
from components.trust import trust

ALIAS = "live"
"""The alias that takes traffic."""

ASSUMED_BY_LAMBDA = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)

NETWORK_INTERFACES = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
"""What Lambda itself needs to join a VPC. AWSLambdaVPCAccessExecutionRole would add log rights on every log group."""

_KEPT_FROM_THE_CODE = deny(
    [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:UnassignPrivateIpAddresses",
    ],
    reason="They are Lambda's, to join a VPC. The key is on calls of the function's own code, and only on those.",
    Null={"lambda:SourceFunctionArn": "false"},
)
"""The rights that NETWORK_INTERFACES would otherwise give to the code as well, on every network of the account."""

_NAME = like(r"[a-z][a-z0-9-]*", "lower-case letters, digits and hyphens, a letter first")

_RULES = {
    "handler": like(
        r"(?=.{3,128}$)[A-Za-z_]\w*(\.[A-Za-z_]\w*)+",
        "a dotted path that ends in the function's name, such as 'service.lambda_handlers.api.handler'",
    ),
    "layers": several(0, 5, "five layers at most"),
    "subnet_ids": several(1, 16, "1 to 16 subnets"),
    "allows_recursion": truth(),
    "memory_mb": whole(128, 10_240),
    "timeout_seconds": whole(1, 900),
    "ephemeral_storage_mb": whole(512, 10_240),
    "reserved_concurrency": or_none(whole(0, 100_000)),
    "log_retention_days": retention(),
    "snap_start": truth(),
    "tracing": truth(),
}
"""The quotas of Lambda (Developer Guide: Lambda quotas; API reference: VpcConfig)."""

_QUEUE_RULES = {"name": _NAME, "batch_size": whole(1, 10), "maximum_concurrency": whole(2, 1000)}
"""More than 10 messages would also need a time to wait for them, with which none is taken up at once."""

_EXPRESSION = like(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\([^ )]+( [^ )]+){5}\)",
    "rate(1 minute), rate(2 hours) or alike, or cron() with six fields such as cron(0 3 * * ? *)",
)
_SCHEDULE_RULES = {"name": _NAME, "expression": _EXPRESSION}

_KEPT_RULES: Mapping[str, Rule] = {
    "version": like(r"[1-9]\d*", "the number of a published version, in quotes, such as '41'"),
    "share": (lambda value: type(value) is float and 0 < value < 1, "a number above 0 and below 1, such as 0.9"),
}

_DEFAULT_CONCURRENCY = 2

_LAMBDAS_OWN_VARIABLES = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)
"""What Lambda sets itself and lets nobody set (Developer Guide: Defined runtime environment variables)."""


class QueueSource(TypedDict):
    """A queue whose messages the function consumes. The right to do so comes with the queue's `receives()` grant."""

    name: str
    """What the queue is called in the stack: the end of the mapping's name."""

    queue_arn: pulumi.Input[str]
    """The queue."""

    batch_size: NotRequired[int]
    """Messages in one invocation, 1 to 10. Default 1: one message's time and memory are its own."""

    maximum_concurrency: NotRequired[int]
    """Invocations at once from this queue, 2 to 1000. Default 2. The rest waits in the queue."""


class Schedule(TypedDict):
    """A time at which the function is invoked, again and again."""

    name: str
    """What the schedule is called in the stack: the end of its name."""

    expression: str
    """When, as EventBridge Scheduler says it: `rate(1 minute)`, or `cron(0 3 * * ? *)` in UTC."""


class KeptVersion(TypedDict):
    """An older version of the function that goes on taking a share of the traffic."""

    version: pulumi.Input[str]
    """Its number, such as `"41"`: a version that was published before, with the role that the function has now."""

    share: float
    """How much of the traffic it keeps, above 0 and below 1: of 0.9, the version just published takes a tenth."""


class PythonFunctionArgs(ComponentArgs):
    code: pulumi.Archive
    """The function's own code (`components.packaging`)."""

    handler: str
    """Dotted path of the entry point, such as `service.lambda_handlers.api.handler`."""

    layers: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of layer versions: what the code imports and does not bring. Default none."""

    grants: NotRequired[Sequence[Grant]]
    """All that the function may use. Its role, environment and connections are their union. Default nothing."""

    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables beside those of the grants. Default none."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """The VPC to run in, together with `subnet_ids`. Default none."""

    subnet_ids: NotRequired[pulumi.Input[Sequence[str]]]
    """The subnets to run in, together with `vpc_id`. Default none."""

    queues: NotRequired[Sequence[QueueSource]]
    """Queues whose messages invoke the function. Default none."""

    schedules: NotRequired[Sequence[Schedule]]
    """Times at which the function is invoked. An invocation that fails is not repeated, nor one that comes a minute
    late: the next one makes up for it. Default none."""

    on_failure_queue_arn: NotRequired[pulumi.Input[str]]
    """The SQS queue that gets what would otherwise be lost: asynchronous invocations that failed for the last time,
    with their event and their error, and schedules that could not be delivered. The function may send there. What
    comes from `queues` is not meant: it has the dead-letter queue of its own queue. Default none."""

    keeps: NotRequired[KeptVersion | None]
    """Deploys gradually: an older version keeps a share of the traffic. First deploy with the version that the alias
    points to now; then look at the alarms, which tell versions apart by `ExecutedVersion`, and lessen the share or
    deploy what was there before; then take this away, and the new version has it all. Nothing moves by itself: with
    CodeDeploy somebody would have to start a deployment beside Pulumi's, and the alias would differ from the program
    while it runs. Both versions use one database, so the schema must suit both. Default none."""

    allows_recursion: NotRequired[bool]
    """Whether the function may send messages to a queue that invokes it. Lambda otherwise takes what goes around some
    sixteen times for an endless loop and drops it. Default false. Caution: the code must see to it that every chain
    ends."""

    memory_mb: NotRequired[int]
    """Memory in MB, 128 to 10240; processor time grows with it, one whole core at 1769. Default 512."""

    timeout_seconds: NotRequired[int]
    """Seconds before an invocation is stopped, 1 to 900. Default 20."""

    ephemeral_storage_mb: NotRequired[int]
    """MB of disk under /tmp, 512 to 10240. Default 512, which costs nothing and is all that `snap_start` allows."""

    reserved_concurrency: NotRequired[int | None]
    """Instances at most, taken out of what the account shares. 0 stops the function. Default none: it shares."""

    log_retention_days: NotRequired[int]
    """Days that log lines are kept; one of the values CloudWatch knows. Default 30."""

    snap_start: NotRequired[bool]
    """Whether new instances start from a snapshot of the initialised one. Default false. Caution: what is made at
    import is shared by all of them, random seeds and connections included."""

    tracing: NotRequired[bool]
    """Whether Lambda records traces of sampled invocations in X-Ray, and the code adds its own steps. Default true."""


class PythonFunction(Component):
    """An arm64 Lambda function with its role, log group and alias.

    What the caller says it depends on comes before the function itself and not only before its traffic: publishing a
    version with a snapshot runs the function's code.

    Defaults: 512 MB, 20 seconds, no VPC, 30 days of JSON logs, traces, no reserved concurrency.
    Cost: 0.0000133334 USD a GB-second and 0.20 USD a million requests (us-east-1): a million requests of 100 ms at
    512 MB are about 0.87 USD. A snapshot costs about 3.90 USD a GB and month for each version that was in use in the
    last 14 days; traces, 5 USD a million after the first 100,000 a month, of which Lambda samples one request a second
    and 5 % of the rest.
    Security: the role has the union of the grants and may write to its own log group, its own traces and its
    on-failure queue, nothing else. In a VPC, its security group reaches exactly the targets of the grants, and what
    Lambda needs to join the network is denied to the code.
    """

    name: pulumi.Output[str]
    """The function's name on AWS."""

    arn: pulumi.Output[str]
    """The function, without a version."""

    version: pulumi.Output[str]
    """The version published last, which takes the traffic or, with `keeps`, its share of it."""

    alias_name: pulumi.Output[str]
    """The alias that takes traffic."""

    alias_arn: pulumi.Output[str]
    """The alias, to invoke it."""

    invoke_arn: pulumi.Output[str]
    """The alias, as API Gateway wants it."""

    role_name: pulumi.Output[str]
    """The role that the function runs as."""

    log_group_name: pulumi.Output[str]
    """Where the function logs."""

    security_group_id: pulumi.Output[str] | None
    """The function's own security group; none outside a VPC."""

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        _check(self._label, args)
        self._inside = pulumi.ResourceOptions(parent=self)

        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{physical_name(name)}",
            retention_in_days=args.get("log_retention_days", 30),
            opts=self._inside,
        )
        traces = _traces(name, args, log_group.arn)
        on_failure = _sends_to(args)
        grant = union([*args.get("grants", ()), traces, on_failure, Grant(environment=args.get("environment", {}))])
        _check_variables(self._label, grant.get("environment", {}))
        role = aws.iam.Role(
            f"{name}-role", name=physical_name(name), assume_role_policy=ASSUMED_BY_LAMBDA, opts=self._inside
        )
        kept = [_KEPT_FROM_THE_CODE] if "vpc_id" in args else []
        permissions = self._permissions(name, role, [*grant.get("statements", ()), _writes_to(log_group), *kept])
        placement = self._placement(name, args, role, grant.get("connections", ()))
        function = aws.lambda_.Function(
            name,
            name=physical_name(name),
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=args["handler"],
            code=args["code"],
            layers=args.get("layers"),
            memory_size=args.get("memory_mb", 512),
            timeout=args.get("timeout_seconds", 20),
            ephemeral_storage=(
                aws.lambda_.FunctionEphemeralStorageArgs(size=args["ephemeral_storage_mb"])
                if "ephemeral_storage_mb" in args
                else None
            ),
            reserved_concurrent_executions=args.get("reserved_concurrency"),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=grant.get("environment", {})),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            vpc_config=placement.vpc_config,
            # Frees the security group at once when the function goes; AWS keeps its interfaces for up to 45 minutes.
            replace_security_groups_on_destroy=True if placement.vpc_config else None,
            snap_start=(
                aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions") if args.get("snap_start") else None
            ),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active") if _is_traced(args) else None,
            publish=True,
            # What the caller waits for is recorded here too: a component's own options reach no child.
            opts=pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(parent=self, depends_on=[permissions, *placement.needed]),
                pulumi.ResourceOptions(depends_on=opts.depends_on if opts else None),
            ),
        )
        alias = aws.lambda_.Alias(
            f"{name}-{ALIAS}",
            name=ALIAS,
            function_name=function.name,
            function_version=function.version,
            routing_config=_routing(args, function.version),
            opts=self._inside,
        )
        for source in args.get("queues", ()):
            self._consumes(name, source, alias, permissions)
        asynchronous = self._handles_failures(name, args, alias, permissions)
        if schedules := args.get("schedules"):
            self._runs_at(name, schedules, alias, args.get("on_failure_queue_arn"), asynchronous)
        if args.get("allows_recursion"):
            aws.lambda_.FunctionRecursionConfig(
                f"{name}-recursion", function_name=function.name, recursive_loop="Allow", opts=self._inside
            )

        self.name = function.name
        self.arn = function.arn
        self.version = function.version
        self.alias_name = alias.name
        self.alias_arn = alias.arn
        self.invoke_arn = alias.invoke_arn
        self.role_name = role.name
        self.log_group_name = log_group.name
        self.security_group_id = placement.security_group_id
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "version": self.version,
                "alias_name": self.alias_name,
                "alias_arn": self.alias_arn,
                "invoke_arn": self.invoke_arn,
                "role_name": self.role_name,
                "log_group_name": self.log_group_name,
                "security_group_id": self.security_group_id,
            }
        )

    def invokes(self, variable: str) -> Grant:
        """What a caller needs: the alias in the environment variable it reads, and the right to invoke it."""
        return Grant(
            environment={variable: self.alias_arn},
            statements=[allow(["lambda:InvokeFunction"], self.alias_arn)],
        )

    def _permissions(self, name: str, role: aws.iam.Role, statements: Sequence[Statement]) -> aws.iam.RolePolicy:
        return aws.iam.RolePolicy(
            f"{name}-policy", role=role.name, policy=policy_document(statements), opts=self._inside
        )

    def _placement(
        self, name: str, args: PythonFunctionArgs, role: aws.iam.Role, connections: Sequence[Connection]
    ) -> "_Placement":
        """The function's place in the VPC: a security group that reaches the targets of its grants and nothing else."""
        if "vpc_id" not in args or "subnet_ids" not in args:
            return _Placement()
        interfaces = aws.iam.RolePolicyAttachment(
            f"{name}-network-interfaces", role=role.name, policy_arn=NETWORK_INTERFACES, opts=self._inside
        )
        group = aws.ec2.SecurityGroup(
            f"{name}-security-group",
            description=f"The function {physical_name(name)}",
            vpc_id=args["vpc_id"],
            opts=self._inside,
        )
        rules = [rule for connection in connections for rule in self._opens(name, group, connection)]
        return _Placement(
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=args["subnet_ids"],
                security_group_ids=[group.id],
                ipv6_allowed_for_dual_stack=True if any("cidr_ipv6" in each for each in connections) else None,
            ),
            security_group_id=group.id,
            needed=[interfaces, *rules],
        )

    def _opens(self, name: str, group: aws.ec2.SecurityGroup, connection: Connection) -> Sequence[pulumi.Resource]:
        """What lets the function reach one target: a way out of its group and, where the target has one, into that."""
        target, port = connection["name"], connection["port"]
        other_group = connection.get("security_group_id")
        ways: list[pulumi.Resource] = [
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{target}",
                security_group_id=group.id,
                referenced_security_group_id=other_group,
                cidr_ipv6=connection.get("cidr_ipv6"),
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"To {target}",
                opts=self._inside,
            )
        ]
        if other_group is not None:
            ways.append(
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-into-{target}",
                    security_group_id=other_group,
                    referenced_security_group_id=group.id,
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    description=f"From {physical_name(name)}",
                    opts=self._inside,
                )
            )
        return ways

    def _consumes(self, name: str, source: QueueSource, alias: aws.lambda_.Alias, permissions: pulumi.Resource) -> None:
        aws.lambda_.EventSourceMapping(
            f"{name}-from-{source['name']}",
            event_source_arn=source["queue_arn"],
            function_name=alias.arn,
            batch_size=source.get("batch_size", 1),
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=source.get("maximum_concurrency", _DEFAULT_CONCURRENCY)
            ),
            # Lambda checks the role's right to the queue when the mapping is made.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions]),
        )

    def _handles_failures(
        self, name: str, args: PythonFunctionArgs, alias: aws.lambda_.Alias, permissions: pulumi.Resource
    ) -> Sequence[pulumi.Resource]:
        """What becomes of an invocation that nobody waits for. Lambda's own way is two more attempts, and oblivion."""
        scheduled, queue_arn = bool(args.get("schedules")), args.get("on_failure_queue_arn")
        if not scheduled and queue_arn is None:
            return []
        config = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-asynchronous",
            function_name=alias.function_name,
            qualifier=alias.name,
            # A schedule hands its invocation over to Lambda's own queue, which would try a failed one twice more.
            maximum_retry_attempts=0 if scheduled else 2,
            maximum_event_age_in_seconds=60 if scheduled else 21_600,
            destination_config=_destination(queue_arn) if queue_arn is not None else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                aliases=[pulumi.Alias(name=f"{name}-invoked-once")],
                # Lambda checks the role's right to the destination when it is set.
                depends_on=[permissions],
            ),
        )
        return [config]

    def _runs_at(
        self,
        name: str,
        schedules: Sequence[Schedule],
        alias: aws.lambda_.Alias,
        on_failure_queue_arn: pulumi.Input[str] | None,
        asynchronous: Sequence[pulumi.Resource],
    ) -> None:
        """The schedules, and the role with which they may invoke the alias and report what they could not deliver."""
        role = aws.iam.Role(
            f"{name}-schedules-role",
            name=physical_name(f"{name}-schedules"),
            assume_role_policy=alias.arn.apply(lambda arn: trust("scheduler.amazonaws.com", arn.split(":")[4])),
            opts=self._inside,
        )
        statements = [allow(["lambda:InvokeFunction"], alias.arn)]
        if on_failure_queue_arn is not None:
            statements.append(allow(["sqs:SendMessage"], on_failure_queue_arn))
        permissions = aws.iam.RolePolicy(
            f"{name}-schedules-policy", role=role.name, policy=policy_document(statements), opts=self._inside
        )
        for schedule in schedules:
            aws.scheduler.Schedule(
                f"{name}-{schedule['name']}",
                name=physical_name(f"{name}-{schedule['name']}"),
                schedule_expression=schedule["expression"],
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=alias.arn,
                    role_arn=role.arn,
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_retry_attempts=0, maximum_event_age_in_seconds=60
                    ),
                    dead_letter_config=(
                        aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=on_failure_queue_arn)
                        if on_failure_queue_arn is not None
                        else None
                    ),
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions, *asynchronous]),
            )


@dataclass(frozen=True)
class _Placement:
    """Where a function runs, and what must exist before it can run there. Empty outside a VPC."""

    vpc_config: aws.lambda_.FunctionVpcConfigArgs | None = None
    security_group_id: pulumi.Output[str] | None = None
    needed: Sequence[pulumi.Resource] = field(default_factory=list[pulumi.Resource])


def _check(label: str, args: PythonFunctionArgs) -> None:
    """Refuses before anything is registered what Lambda would refuse half-way through, and what would lose messages."""
    check(label, args, _RULES)
    if ("vpc_id" in args) != ("subnet_ids" in args):
        raise ValueError(f"{label}: give vpc_id and subnet_ids together, or neither.")
    queues, schedules, reserved = args.get("queues", ()), args.get("schedules", ()), args.get("reserved_concurrency")
    _check_each(f"{label}, queues", queues, QueueSource, _QUEUE_RULES)
    _check_each(f"{label}, schedules", schedules, Schedule, _SCHEDULE_RULES)
    wanted = sum(source.get("maximum_concurrency", _DEFAULT_CONCURRENCY) for source in queues)
    if reserved and reserved < wanted:
        raise ValueError(
            f"{label}: reserved_concurrency is {reserved}: give {wanted} or more, as many as its queues may use at "
            "once, since a message that finds no instance is delivered in vain and ends among the dead letters."
        )
    if args.get("snap_start") and args.get("ephemeral_storage_mb", 512) > 512:
        raise ValueError(
            f"{label}: ephemeral_storage_mb is {args.get('ephemeral_storage_mb')}: leave it out, or snap_start, since "
            "Lambda takes snapshots of functions with 512 MB only."
        )
    if kept := args.get("keeps"):
        check_keys(f"{label}, keeps", KeptVersion, kept)
        check(f"{label}, keeps", kept, _KEPT_RULES)


def _check_each(label: str, given: Sequence[Mapping[str, Any]], kind: Any, rules: Mapping[str, Rule]) -> None:
    names: set[str] = set()
    for entry in given:
        check_keys(label, kind, entry)
        check(label, entry, rules)
        demand(entry["name"] not in names, label, "name", entry["name"], "each a name of its own")
        names.add(entry["name"])


def _check_variables(label: str, variables: Mapping[str, pulumi.Input[str]]) -> None:
    for name in variables:
        if name in _LAMBDAS_OWN_VARIABLES or re.fullmatch(r"[A-Za-z]\w+", name) is None:
            raise ValueError(
                f"{label}: Lambda does not take an environment variable {name!r}: give it a name of letters, digits "
                "and underscores, a letter first, that Lambda does not set itself."
            )


def _sends_to(args: PythonFunctionArgs) -> Grant:
    """The right to report failures, where there is somewhere to report them to."""
    queue_arn = args.get("on_failure_queue_arn")
    return Grant() if queue_arn is None else Grant(statements=[allow(["sqs:SendMessage"], queue_arn)])


def _destination(queue_arn: pulumi.Input[str]) -> aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs:
    return aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
        on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=queue_arn)
    )


def _routing(args: PythonFunctionArgs, published: pulumi.Output[str]) -> aws.lambda_.AliasRoutingConfigArgs | None:
    """The alias's second version, where one is kept."""
    kept = args.get("keeps")
    if kept is None:
        return None

    def weights(versions: Sequence[str]) -> dict[str, float]:
        new, old = versions
        # Until something new is published the old one has it all, and Lambda refuses to name a version twice.
        return {} if new == old else {old: kept["share"]}

    return aws.lambda_.AliasRoutingConfigArgs(
        additional_version_weights=pulumi.Output.all(published, kept["version"]).apply(weights)
    )


def _is_traced(args: PythonFunctionArgs) -> bool:
    return args.get("tracing", True)


def _traces(name: str, args: PythonFunctionArgs, log_group_arn: pulumi.Output[str]) -> Grant:
    """What tracing takes: the name that traces and metrics go by, whether to trace at all, and the right to."""
    environment = {
        "POWERTOOLS_SERVICE_NAME": physical_name(name),
        "POWERTOOLS_TRACE_DISABLED": "false" if _is_traced(args) else "true",
    }
    if not _is_traced(args):
        return Grant(environment=environment)
    sends = allow_unscoped(
        ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        within=log_group_arn,
        reason="X-Ray knows no resources to send traces to.",
    )
    return Grant(environment=environment, statements=[sends])


def _writes_to(log_group: aws.cloudwatch.LogGroup) -> Statement:
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(log_group.arn, ":*"))
