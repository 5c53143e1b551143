"""A Python function on Lambda: its code, its log, a role made only of grants, and the alias that takes traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.grants import Connection, Grant, Statement, allow, allow_unscoped, policy_document, union
from components.naming import physical_name
from components.packaging import ARCHITECTURE, RUNTIME
from components.trust import trust

ALIAS = "live"
"""The alias that takes traffic."""

ASSUMED_BY_LAMBDA = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)

NETWORK_INTERFACES = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
"""What Lambda itself needs to join a VPC. AWSLambdaVPCAccessExecutionRole would add log rights on every log group."""


class QueueSource(TypedDict):
    """A queue whose messages the function consumes. The right to do so comes with the queue's `receives()` grant."""

    name: str
    """What the queue is called in the stack: the end of the mapping's name."""

    queue_arn: pulumi.Input[str]
    """The queue."""

    batch_size: NotRequired[int]
    """Messages in one invocation. Default 1: one message's time and memory are its own."""

    maximum_concurrency: NotRequired[int]
    """Invocations at once from this queue, 2 to 1000. Default 2. The rest waits in the queue."""


class Schedule(TypedDict):
    """A time at which the function is invoked, again and again."""

    name: str
    """What the schedule is called in the stack: the end of its name."""

    expression: str
    """When, as EventBridge Scheduler says it: `rate(1 minute)`, or `cron(0 3 * * ? *)` in UTC."""


class PythonFunctionArgs(TypedDict):
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

    allows_recursion: NotRequired[bool]
    """Whether the function may send messages to a queue that invokes it. Lambda otherwise takes what goes around some
    sixteen times for an endless loop and drops it. Default false. Caution: the code must see to it that every chain
    ends."""

    memory_mb: NotRequired[int]
    """Memory in MB, 128 to 10240; processor time grows with it, one whole core at 1769. Default 512."""

    timeout_seconds: NotRequired[int]
    """Seconds before an invocation is stopped, 1 to 900. Default 20."""

    reserved_concurrency: NotRequired[int | None]
    """Instances at most, taken out of what the account shares. Default none: it shares."""

    log_retention_days: NotRequired[int]
    """Days that log lines are kept; one of the values CloudWatch knows. Default 30."""

    snap_start: NotRequired[bool]
    """Whether new instances start from a snapshot of the initialised one. Default false. Caution: what is made at
    import is shared by all of them, random seeds and connections included."""

    tracing: NotRequired[bool]
    """Whether Lambda records traces of sampled invocations in X-Ray, and the code adds its own steps. Default true."""


class PythonFunction(pulumi.ComponentResource):
    """An arm64 Lambda function with its role, log group and alias.

    What the caller says it depends on comes before the function itself and not only before its traffic: publishing a
    version with a snapshot runs the function's code.

    Defaults: 512 MB, 20 seconds, no VPC, 30 days of JSON logs, traces, no reserved concurrency.
    Cost: 0.0000133334 USD a GB-second and 0.20 USD a million requests (us-east-1): a million requests of 100 ms at
    512 MB are about 0.87 USD. A snapshot costs about 3.90 USD a GB and month; traces, 5 USD a million after the
    first 100,000 a month, of which Lambda samples one request a second and 5 % of the rest.
    Security: the role has the union of the grants and may write to its own log group and its own traces, nothing
    else; in a VPC, its security group reaches exactly the targets of the grants.
    """

    name: pulumi.Output[str]
    """The function's name on AWS."""

    arn: pulumi.Output[str]
    """The function, without a version."""

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
        super().__init__("plinth:index:PythonFunction", name, {**args}, opts)
        self._inside = pulumi.ResourceOptions(parent=self)
        if ("vpc_id" in args) != ("subnet_ids" in args):
            raise ValueError(f"PythonFunction {name!r}: give vpc_id and subnet_ids together, or neither.")
        grant = union([*args.get("grants", ()), _traces(name, args), Grant(environment=args.get("environment", {}))])

        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{physical_name(name)}",
            retention_in_days=args.get("log_retention_days", 30),
            opts=self._inside,
        )
        role = aws.iam.Role(
            f"{name}-role", name=physical_name(name), assume_role_policy=ASSUMED_BY_LAMBDA, opts=self._inside
        )
        permissions = self._permissions(name, role, [*grant.get("statements", ()), _writes_to(log_group)])
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
            opts=self._inside,
        )
        for source in args.get("queues", ()):
            self._consumes(name, source, alias, permissions)
        if schedules := args.get("schedules"):
            self._runs_at(name, schedules, alias)
        if args.get("allows_recursion"):
            aws.lambda_.FunctionRecursionConfig(
                f"{name}-recursion", function_name=function.name, recursive_loop="Allow", opts=self._inside
            )

        self.name = function.name
        self.arn = function.arn
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
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(subnet_ids=args["subnet_ids"], security_group_ids=[group.id]),
            security_group_id=group.id,
            needed=[interfaces, *rules],
        )

    def _opens(self, name: str, group: aws.ec2.SecurityGroup, connection: Connection) -> Sequence[pulumi.Resource]:
        """The two rules that let the function reach one target: out of its group, into the target's."""
        target, port = connection["name"], connection["port"]
        return [
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{target}",
                security_group_id=group.id,
                referenced_security_group_id=connection["security_group_id"],
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"To {target}",
                opts=self._inside,
            ),
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-into-{target}",
                security_group_id=connection["security_group_id"],
                referenced_security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"From {physical_name(name)}",
                opts=self._inside,
            ),
        ]

    def _consumes(self, name: str, source: QueueSource, alias: aws.lambda_.Alias, permissions: pulumi.Resource) -> None:
        aws.lambda_.EventSourceMapping(
            f"{name}-from-{source['name']}",
            event_source_arn=source["queue_arn"],
            function_name=alias.arn,
            batch_size=source.get("batch_size", 1),
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=source.get("maximum_concurrency", 2)
            ),
            # Lambda checks the role's right to the queue when the mapping is made.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions]),
        )

    def _runs_at(self, name: str, schedules: Sequence[Schedule], alias: aws.lambda_.Alias) -> None:
        """The schedules, the role with which they may invoke the alias, and what becomes of a failed invocation."""
        role = aws.iam.Role(
            f"{name}-schedules-role",
            name=physical_name(f"{name}-schedules"),
            assume_role_policy=alias.arn.apply(lambda arn: trust("scheduler.amazonaws.com", arn.split(":")[4])),
            opts=self._inside,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-schedules-policy",
            role=role.name,
            policy=policy_document([allow(["lambda:InvokeFunction"], alias.arn)]),
            opts=self._inside,
        )
        # A schedule hands its invocation over to Lambda's own queue, which would try a failed one twice more.
        once = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-invoked-once",
            function_name=alias.function_name,
            qualifier=alias.name,
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=60,
            opts=self._inside,
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
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions, once]),
            )


@dataclass(frozen=True)
class _Placement:
    """Where a function runs, and what must exist before it can run there. Empty outside a VPC."""

    vpc_config: aws.lambda_.FunctionVpcConfigArgs | None = None
    security_group_id: pulumi.Output[str] | None = None
    needed: Sequence[pulumi.Resource] = field(default_factory=list[pulumi.Resource])


def _is_traced(args: PythonFunctionArgs) -> bool:
    return args.get("tracing", True)


def _traces(name: str, args: PythonFunctionArgs) -> Grant:
    """What tracing takes: the name that traces and metrics go by, whether to trace at all, and the right to."""
    environment = {
        "POWERTOOLS_SERVICE_NAME": physical_name(name),
        "POWERTOOLS_TRACE_DISABLED": "false" if _is_traced(args) else "true",
    }
    if not _is_traced(args):
        return Grant(environment=environment)
    sends = allow_unscoped(
        ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], reason="X-Ray knows no resources to send traces to."
    )
    return Grant(environment=environment, statements=[sends])


def _writes_to(log_group: aws.cloudwatch.LogGroup) -> Statement:
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(log_group.arn, ":*"))
