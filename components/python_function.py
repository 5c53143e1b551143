"""A Python function on Lambda: its code, its log, a role made only of grants, and the alias that takes traffic."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.function_args import (
    DEFAULT_CONCURRENCY,
    PythonFunctionArgs,
    QueueSource,
    Schedule,
    check_function,
    check_variables,
)
from components.grants import Connection, Grant, Statement, allow, allow_unscoped, deny, policy_document, union
from components.naming import physical_name
from components.packaging import ARCHITECTURE, RUNTIME
from components.trust import trust
from components.ways import opened

ALIAS = "live"
"""The alias that takes traffic."""

ASSUMED_BY_LAMBDA = trust("lambda.amazonaws.com", None)
"""Lambda tells no account when it takes the role of a function; `iam:PassRole` works within one account only."""

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


class PythonFunction(Component):
    """An arm64 Lambda function with its role, log group and alias.

    What the caller says it depends on comes before the function itself and not only before its traffic: publishing a
    version with a snapshot runs the function's code.

    Defaults: 512 MB, 20 seconds, no VPC, 30 days of JSON logs, traces, no reserved concurrency.
    Cost: 0.0000133334 USD a GB-second and 0.20 USD a million requests (us-east-1): a million requests of 100 ms at
    512 MB are about 0.87 USD. A snapshot costs about 3.95 USD a GB and month for each version that was in use in the
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
        check_function(self._label, args)
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
        check_variables(self._label, grant.get("environment", {}))
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
            # Said also where it is the default: what is taken out of the program, Lambda keeps as it was.
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=args.get("ephemeral_storage_mb", 512)),
            reserved_concurrent_executions=args.get("reserved_concurrency"),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=grant.get("environment", {})),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            vpc_config=placement.vpc_config,
            # Frees the security group at once when the function goes; AWS keeps its interfaces for up to 45 minutes.
            replace_security_groups_on_destroy=True if placement.vpc_config else None,
            snap_start=(
                aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions") if args.get("snap_start") else None
            ),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active" if _is_traced(args) else "PassThrough"),
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
        rules = [rule for connection in connections for rule in opened(name, group, connection, self._inside)]
        return _Placement(
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=args["subnet_ids"],
                security_group_ids=[group.id],
                ipv6_allowed_for_dual_stack=True if any("cidr_ipv6" in each for each in connections) else None,
            ),
            security_group_id=group.id,
            needed=[interfaces, *rules],
        )

    def _consumes(self, name: str, source: QueueSource, alias: aws.lambda_.Alias, permissions: pulumi.Resource) -> None:
        aws.lambda_.EventSourceMapping(
            f"{name}-from-{source['name']}",
            event_source_arn=source["queue_arn"],
            function_name=alias.arn,
            batch_size=source.get("batch_size", 1),
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(
                maximum_concurrency=source.get("maximum_concurrency", DEFAULT_CONCURRENCY)
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


def _sends_to(args: PythonFunctionArgs) -> Grant:
    """The right to report failures, where there is somewhere to report them to."""
    queue_arn = args.get("on_failure_queue_arn")
    return Grant() if queue_arn is None else Grant(statements=[allow(["sqs:SendMessage"], queue_arn)])


def _destination(queue_arn: pulumi.Input[str]) -> aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs:
    return aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
        on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=queue_arn)
    )


def _routing(args: PythonFunctionArgs, published: pulumi.Output[str]) -> pulumi.Output[Any] | None:
    """The alias's second version, where one is kept."""
    kept = args.get("keeps")
    if kept is None:
        return None

    def routing(versions: Sequence[str]) -> dict[str, Any] | None:
        new, old = versions
        # Until something new is published the old one has it all, and Lambda refuses to name a version twice.
        return None if new == old else {"additional_version_weights": {old: kept["share"]}}

    return pulumi.Output.all(published, kept["version"]).apply(routing)


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
