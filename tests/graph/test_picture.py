"""What a picture says of a program: which boxes there are, what is in them, and what flows."""

import json

import pulumi
import pulumi_aws as aws

from tests.support.diffs import Program, difference, snapshot
from tests.support.snapshots import entry, stack
from workbench.diff.model import Action
from workbench.diff.snapshot import Entry
from workbench.graph.model import Flow, Kind, Picture
from workbench.graph.picture import picture, picture_of_both

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"


def test_a_function_and_all_that_only_serves_it_are_one_box() -> None:
    drawn = _drawn(_worker)
    assert [(box.name, box.type, box.kind, len(box.urns)) for box in drawn.boxes] == [
        ("worker", "lambda Function", Kind.FUNCTION, 6),
        ("runs", "sqs Queue", Kind.QUEUE, 1),
    ]


def test_messages_flow_from_the_queue_to_its_function() -> None:
    assert _arrows(_drawn(_worker)) == ["runs -> worker: delivers"]


def test_what_a_policy_allows_flows_from_the_function() -> None:
    def program() -> None:
        _, role = _function("api")
        queue = aws.sqs.Queue("runs", name="plinth-runs")
        secret = aws.secretsmanager.Secret("keys", name="plinth-keys")
        bucket = aws.s3.Bucket("files", bucket="plinth-files")
        _policy(
            role,
            ("sqs:SendMessage", queue.arn),
            ("secretsmanager:GetSecretValue", secret.arn),
            (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], pulumi.Output.concat(bucket.arn, "/*")),
            ("sqs:GetQueueAttributes", queue.arn),
        )

    assert _arrows(_drawn(program)) == ["api -> files: reads, writes", "api -> keys: reads", "api -> runs: sends"]


def test_of_two_names_that_fit_the_longer_one_is_meant() -> None:
    def program() -> None:
        _, role = _function("api")
        aws.sqs.Queue("runs", name="plinth-runs")
        dead = aws.sqs.Queue("dead", name="plinth-runs-dead")
        _policy(role, ("sqs:SendMessage", dead.arn))

    assert _arrows(_drawn(program)) == ["api -> dead: sends"]


def test_a_policy_that_nobody_can_read_allows_nothing() -> None:
    queue = entry("aws:sqs/queue:Queue", "runs")
    role = entry("aws:iam/role:Role", "worker")
    uses = {"policy": [queue.urn], "role": [role.urn]}
    for document in ("", "[]", "[" * 100_000, '{"Statement": [1]}'):
        policy = entry("aws:iam/rolePolicy:RolePolicy", "worker", {"policy": document}, property_dependencies=uses)
        assert [arrow.label for arrow in picture(stack(queue, role, policy)).arrows] == [""]


def test_groups_that_all_let_in_each_other_are_drawn_as_one_picture() -> None:
    groups: list[Entry] = []
    for number in range(40):
        earlier = {"ingress": [each.urn for each in groups]}
        groups.append(entry(SECURITY_GROUP, f"{number:02}", property_dependencies=earlier))
    drawn = picture(stack(*groups))
    assert [(box.name, len(box.urns)) for box in drawn.boxes] == [("39", 40)]


def test_a_chain_without_end_is_drawn_in_parts() -> None:
    chain: list[Entry] = []
    for number in reversed(range(2_000)):
        above = {"role": [chain[-1].urn]} if chain else {}
        chain.append(entry("aws:ec2/part:Part", f"{number:04}", property_dependencies=above))
    drawn = picture(stack(*chain))
    assert sum(len(box.urns) for box in drawn.boxes) == 2_000


def test_an_action_on_any_resource_flows_to_all_of_its_service() -> None:
    def program() -> None:
        _, role = _function("api")
        aws.sqs.Queue("runs")
        aws.sqs.Queue("mails")
        aws.s3.Bucket("files")
        _policy(role, ("sqs:*", "*"))

    assert _arrows(_drawn(program)) == ["api -> mails: may do all", "api -> runs: may do all"]


def test_what_a_policy_denies_does_not_flow() -> None:
    def program() -> None:
        _, role = _function("api")
        queue = aws.sqs.Queue("runs")
        statement = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": queue.arn}
        aws.iam.RolePolicy("api", role=role.name, policy=pulumi.Output.json_dumps({"Statement": [statement]}))

    assert [arrow.flow for arrow in _drawn(program).arrows if arrow.flow is Flow.CALLS] == []


def test_ports_between_security_groups_flow_from_the_client_to_the_server() -> None:
    def program() -> None:
        client = aws.ec2.SecurityGroup("client")
        server = aws.ec2.SecurityGroup("server")
        _function("api", vpc_config={"security_group_ids": [client.id], "subnet_ids": ["subnet-1"]})
        aws.rds.Cluster("database", engine="aurora-postgresql", vpc_security_group_ids=[server.id])
        aws.vpc.SecurityGroupIngressRule(
            "into-server",
            security_group_id=server.id,
            referenced_security_group_id=client.id,
            ip_protocol="tcp",
            from_port=5432,
            to_port=5432,
        )

    assert _arrows(_drawn(program)) == ["api -> database: 5432"]


def test_a_port_that_is_open_to_any_address_flows_from_the_internet() -> None:
    def program() -> None:
        server = aws.ec2.SecurityGroup(
            "server", ingress=[{"protocol": "tcp", "from_port": 22, "to_port": 23, "cidr_blocks": ["0.0.0.0/0"]}]
        )
        aws.rds.Cluster("database", engine="aurora-postgresql", vpc_security_group_ids=[server.id])

    assert _arrows(_drawn(program)) == ["internet -> database: 22\u201323"]


def test_an_api_has_its_clients_before_it_and_its_function_behind_it() -> None:
    def program() -> None:
        function, _ = _function("api")
        gateway = aws.apigatewayv2.Api("gateway", protocol_type="HTTP")
        aws.apigatewayv2.Integration(
            "to-api", api_id=gateway.id, integration_type="AWS_PROXY", integration_uri=function.invoke_arn
        )
        aws.lambda_.Permission(
            "by-gateway",
            action="lambda:InvokeFunction",
            function=function.name,
            principal="apigateway.amazonaws.com",
            source_arn=gateway.execution_arn,
        )

    drawn = _drawn(program)
    assert _arrows(drawn) == ["client -> gateway: HTTPS", "gateway -> api: invokes"]
    assert {box.name: len(box.urns) for box in drawn.boxes} == {"client": 0, "gateway": 2, "api": 3}


def test_a_schedule_is_when_its_function_starts() -> None:
    def program() -> None:
        function, role = _function("reaper")
        aws.scheduler.Schedule(
            "pass",
            schedule_expression="rate(5 minutes)",
            flexible_time_window={"mode": "OFF"},
            target={"arn": function.arn, "role_arn": role.arn},
        )

    drawn = _drawn(program)
    assert _arrows(drawn) == ["every 5 minutes -> reaper: starts"]
    assert {box.name: len(box.urns) for box in drawn.boxes} == {"every 5 minutes": 0, "reaper": 3}


def test_what_is_only_made_of_another_uses_it() -> None:
    def program() -> None:
        queue = aws.sqs.Queue("runs")
        aws.ssm.Parameter("address", type="String", value=queue.url)

    drawn = _drawn(program)
    assert [(arrow.label, arrow.flow) for arrow in drawn.arrows] == [("", Flow.USES)]
    assert _arrows(drawn) == ["address -> runs: "]


def test_an_alarm_watches() -> None:
    def program() -> None:
        queue = aws.sqs.Queue("runs")
        aws.cloudwatch.MetricAlarm(
            "age",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            dimensions={"QueueName": queue.name},
        )

    drawn = _drawn(program)
    assert [arrow.flow for arrow in drawn.arrows] == [Flow.WATCHES]
    assert _arrows(drawn) == ["age -> runs: watches"]


def test_what_watches_everything_says_so_in_words() -> None:
    def program() -> None:
        for name in ("four", "one", "three", "two"):
            aws.sqs.Queue(name)
        urls = [aws.sqs.Queue(f"queue-{number}").name for number in range(5)]
        aws.cloudwatch.Dashboard("all", dashboard_name="all", dashboard_body=pulumi.Output.json_dumps(urls))

    drawn = _drawn(program)
    assert drawn.arrows == []
    assert [box.notes for box in drawn.boxes if box.name == "all"] == [["watches queue-0, queue-1 and 3 more"]]


def test_a_network_is_a_frame_around_what_is_in_it() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
        subnet = aws.ec2.Subnet("zone", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
        group = aws.ec2.SecurityGroup("api", vpc_id=vpc.id)
        _function("api", vpc_config={"security_group_ids": [group.id], "subnet_ids": [subnet.id]})
        aws.sqs.Queue("runs")

    drawn = _drawn(program)
    assert [(frame.name, len(frame.urns)) for frame in drawn.frames] == [("network", 2)]
    assert {box.name: box.frame == drawn.frames[0].id for box in drawn.boxes} == {"api": True, "runs": False}


def test_a_component_is_one_box_with_all_below_it() -> None:
    class Inner(pulumi.ComponentResource):
        def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
            super().__init__("test:index:Inner", name, {}, opts)
            aws.sqs.Queue(f"{name}-queue", opts=pulumi.ResourceOptions(parent=self))

    class Outer(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("test:index:Outer", name)
            Inner(f"{name}-inner", pulumi.ResourceOptions(parent=self))
            aws.sqs.Queue(name, opts=pulumi.ResourceOptions(parent=self))

    drawn = _drawn(lambda: Outer("work"))
    assert [(box.name, box.type, box.kind, len(box.urns)) for box in drawn.boxes] == [("work", "Outer", Kind.QUEUE, 2)]


def test_a_crowd_of_one_type_is_one_box() -> None:
    def program() -> None:
        for number in range(100):
            aws.sqs.Queue(f"queue-{number}")

    assert [(box.name, len(box.urns)) for box in _drawn(program).boxes] == [("100 of a kind", 100)]


def test_a_policy_that_is_no_json_says_nothing() -> None:
    def program() -> None:
        _, role = _function("api")
        aws.iam.RolePolicy("broken", role=role.name, policy="{not json")
        aws.iam.RolePolicy("odd", role=role.name, policy=json.dumps({"Statement": ["odd", {"Action": 3}]}))

    assert _drawn(program).arrows == []


def test_of_two_revisions_all_is_drawn_and_what_flows_anew_or_no_more_is_marked() -> None:
    def after() -> None:
        _, role = _function("worker")
        mails = aws.sqs.Queue("mails")
        _policy(role, ("sqs:SendMessage", mails.arn))

    drawn = picture_of_both(difference(_worker, after))
    assert drawn is not None
    names = {box.id: box.name for box in drawn.boxes}
    assert sorted((names[arrow.source], names[arrow.target], arrow.action) for arrow in drawn.arrows) == [
        ("runs", "worker", Action.DELETE),
        ("worker", "mails", Action.CREATE),
    ]


def test_what_is_renamed_is_one_box() -> None:
    def after() -> None:
        aws.sqs.Queue("jobs", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="runs")]))

    drawn = picture_of_both(difference(lambda: aws.sqs.Queue("runs"), after))
    assert drawn is not None
    assert [box.name for box in drawn.boxes] == ["jobs"]


def _worker() -> None:
    function, role = _function("worker")
    queue = aws.sqs.Queue("runs")
    aws.lambda_.EventSourceMapping("from-runs", event_source_arn=queue.arn, function_name=function.arn)
    _policy(role, ("sqs:ReceiveMessage", queue.arn))
    aws.cloudwatch.LogGroup("worker-logs", name=pulumi.Output.concat("/aws/lambda/", function.name))
    aws.lambda_.Alias("live", name="live", function_name=function.name, function_version=function.version)


def _function(name: str, **more: object) -> tuple[aws.lambda_.Function, aws.iam.Role]:
    role = aws.iam.Role(name, assume_role_policy="{}")
    function = aws.lambda_.Function(name, role=role.arn, runtime="python3.13", handler="main.handle", **more)  # type: ignore[arg-type]
    return function, role


def _policy(role: aws.iam.Role, *statements: tuple[str | list[str], pulumi.Input[str]]) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": arn} for actions, arn in statements]}
    aws.iam.RolePolicy("allowed", role=role.name, policy=pulumi.Output.json_dumps(document))


def _drawn(program: Program) -> Picture:
    return picture(snapshot(program))


def _arrows(drawn: Picture) -> list[str]:
    names = {box.id: box.name for box in drawn.boxes}
    return [f"{names[arrow.source]} -> {names[arrow.target]}: {arrow.label}" for arrow in drawn.arrows]
