"""What single resources cost, and what is said where they cannot be told."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pulumi
import pulumi_aws as aws
import pytest

from tests.support.costs import lines, notes, stack_with
from tests.support.evaluation import stack_manifest
from workbench.cost.estimate import estimate
from workbench.cost.items import ESTIMATED, is_free
from workbench.cost.prices import REGION
from workbench.diff.snapshot import Entry, Hidden, Snapshot, snapshot_of
from workbench.manifest import rewritten


def alarm_on_arithmetic() -> None:
    """An alarm on the share of two metrics."""

    def metric(name: str) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
        return aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=name,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                metric_name=name, namespace="N", period=300, stat="Sum"
            ),
        )

    share = aws.cloudwatch.MetricAlarmMetricQueryArgs(id="share", expression="a / b", return_data=True)
    aws.cloudwatch.MetricAlarm(
        "errors",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=1,
        metric_queries=[metric("a"), metric("b"), share],
    )


def fast_alarm() -> None:
    """An alarm that looks every ten seconds."""
    aws.cloudwatch.MetricAlarm(
        "errors",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=1,
        metric_name="Errors",
        namespace="N",
        period=10,
        statistic="Sum",
    )


def gateway_endpoint() -> None:
    """A way to S3 that costs nothing."""
    aws.ec2.VpcEndpoint("s3", vpc_id="vpc-1", service_name="com.amazonaws.eu-central-1.s3")


def nat_gateway() -> None:
    """A NAT gateway and its address."""
    address = aws.ec2.Eip("address", domain="vpc")
    aws.ec2.NatGateway("nat", subnet_id="subnet-1", allocation_id=address.id)


def redis() -> None:
    """A serverless cache of the dearer engine."""
    aws.elasticache.ServerlessCache("cache", name="cache", engine="redis")


def io_optimized() -> None:
    """A cluster that pays more for its capacity, and nothing for its I/O."""
    cluster = aws.rds.Cluster(
        "db",
        engine="aurora-postgresql",
        storage_type="aurora-iopt1",
        serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
            min_capacity=1, max_capacity=4
        ),
    )
    aws.rds.ClusterInstance(
        "db-1",
        cluster_identifier=cluster.id,
        instance_class="db.serverless",
        engine=aws.rds.EngineType.AURORA_POSTGRESQL,
    )


def on_demand_table() -> None:
    """A table with no capacity of its own."""
    aws.dynamodb.Table("table", billing_mode="PAY_PER_REQUEST", hash_key="id")


CASES: Mapping[Callable[[], None], list[tuple[str, str, float, float]]] = {
    alarm_on_arithmetic: [("errors", "alarms: 2 metrics x 0.10 USD", 0.20, 0.20)],
    fast_alarm: [("errors", "alarms: 1 metric x 0.30 USD", 0.30, 0.30)],
    gateway_endpoint: [],
    nat_gateway: [
        ("address", "public addresses: 1 address x 730 h x 0.005 USD", 3.65, 3.65),
        ("nat", "NAT gateways: 1 gateway x 730 h x 0.045 USD", 32.85, 32.85),
    ],
    redis: [
        ("cache", "storage: 1 GB x 730 h x 0.125 USD", 91.25, 91.25),
        ("cache", "processing: 3,000,000 units x 0.0034 USD per million", 0, 0.0102),
    ],
    io_optimized: [
        ("db", "storage: 10 GB x 0.225 USD", 2.25, 2.25),
        ("db-1", "capacity: 1 unit x 730 h x 0.156 USD", 113.88, 113.88),
    ],
    on_demand_table: [
        ("table", "storage: 1 GB x 0.25 USD", 0.25, 0.25),
        ("table", "reads: 1,000,000 reads x 0.125 USD per million", 0, 0.125),
        ("table", "writes: 50,000 writes x 0.625 USD per million", 0, 0.03125),
    ],
}


@pytest.mark.parametrize("program", CASES, ids=lambda program: program.__name__)
def test_a_resource_costs_what_it_costs_by_hand(program: Callable[[], None]) -> None:
    found = [(line.component, f"{line.what}: {line.arithmetic}", line.idle, line.load) for line in lines(program)]
    assert found == [
        (name, item, pytest.approx(idle), pytest.approx(load)) for name, item, idle, load in CASES[program]
    ]


@pytest.mark.parametrize(
    ("type_", "usd"),
    [
        ("aws:s3/bucket:Bucket", 0.023),
        ("aws:s3/bucketV2:BucketV2", 0.023),
        ("aws:kms/key:Key", 1),
        ("aws:route53/zone:Zone", 0.50),
        ("aws:cloudwatch/compositeAlarm:CompositeAlarm", 0.50),
        ("aws:cloudwatch/dashboard:Dashboard", 3),
        ("aws:sqs/queue:Queue", 0),
    ],
)
def test_what_has_one_price_costs_it_whatever_its_inputs(type_: str, usd: float) -> None:
    assert _idle(type_, {}) == pytest.approx(usd)


def test_a_function_on_x86_64_costs_more_than_one_on_arm64() -> None:
    function = _entry("aws:lambda/function:Function", {"memorySize": 1024, "timeout": 1})
    url = _entry("aws:lambda/functionUrl:FunctionUrl", {}, functionName=[function.urn])
    arm64 = replace(function, inputs={**function.inputs, "architectures": ["arm64"]})
    others = 0.20 + 1_000_000 * 1000e-9 * (0.50 + 365 / (730 / 24) * 0.15 * 0.03)
    assert estimate(_stack(function, url)).load == pytest.approx(1_000_000 * 0.1 * 0.0000166667 + others)
    assert estimate(_stack(arm64, url)).load == pytest.approx(1_000_000 * 0.1 * 0.0000133334 + others)


def test_requests_are_spread_over_the_functions_that_serve_any() -> None:
    functions = [replace(_entry("aws:lambda/function:Function", {}), urn=f"urn:{name}", name=name) for name in "ab"]
    urls = [_entry("aws:lambda/functionUrl:FunctionUrl", {}, functionName=[each.urn]) for each in functions]
    found = [line for line in estimate(_stack(*functions, *urls)).lines if line.what == "invocations"]
    assert [(line.component, line.load) for line in found] == [("a", pytest.approx(0.10)), ("b", pytest.approx(0.10))]


def test_a_vpc_of_awsx_has_a_gateway_and_an_address_in_each_zone_unless_told_otherwise() -> None:
    zones = {"availabilityZoneNames": ["a", "b"]}
    assert _idle("awsx:ec2:Vpc", zones) == pytest.approx(2 * 730 * (0.045 + 0.005))
    assert _idle("awsx:ec2:Vpc", {**zones, "natGateways": {"strategy": "Single"}}) == pytest.approx(730 * 0.05)
    assert _idle("awsx:ec2:Vpc", {**zones, "natGateways": {"strategy": "None"}}) == 0
    assert _idle("awsx:ec2:Vpc", {**zones, "subnetSpecs": [{"type": "Isolated"}]}) == 0


def test_an_alarm_on_anomalies_counts_the_band_as_two_metrics() -> None:
    queries = [{"id": "a", "metric": {"period": 300}}, {"id": "b", "expression": "ANOMALY_DETECTION_BAND(a, 2)"}]
    assert _idle("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricQueries": queries}) == pytest.approx(0.30)


def test_a_firewall_costs_by_its_rules_and_requests() -> None:
    found = estimate(_stack(_entry("aws:wafv2/webAcl:WebAcl", {"rules": [{"name": "a"}, {"name": "b"}]})))
    assert (found.idle, found.load) == (pytest.approx(5 + 2), pytest.approx(7 + 0.60))


def test_what_is_not_known_is_assumed_and_said() -> None:
    endpoint = _entry("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface", "subnetIds": "${subnets}"})
    found = estimate(_stack(endpoint))
    assert found.idle == pytest.approx(7.30)
    assert found.notes[0] == "one: subnetIds is not known here; 1 is assumed."


NUMBERS_OF_NOTHING = ["${size}", True, -1, 1e300, float("nan"), float("inf"), [1], {"a": 1}, Hidden("a digest")]


@pytest.mark.parametrize("given", NUMBERS_OF_NOTHING, ids=repr)
def test_a_number_that_is_none_is_not_reckoned_with(given: object) -> None:
    function = _entry(
        "aws:lambda/function:Function", {"memorySize": given, "snapStart": {"applyOn": "PublishedVersions"}}
    )
    found = estimate(_stack(function))
    assert found.idle == pytest.approx(128 / 1024 * 730 * 3600 * 0.0000015046)
    assert found.notes[0] == "one: memorySize is not known here; 128 is assumed."


@pytest.mark.parametrize("given", [*NUMBERS_OF_NOTHING, None, "", 0, [], {}], ids=repr)
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_whatever_the_inputs_are_there_is_an_estimate(stack: str, given: object) -> None:
    whole = snapshot_of(stack_manifest(stack), REGION, b"a key")
    for entries in (
        [replace(entry, inputs=dict.fromkeys(entry.inputs, given)) for entry in whole.entries],
        [replace(entry, inputs=rewritten(entry.inputs, lambda _: given)) for entry in whole.entries],
    ):
        found = estimate(replace(whole, entries=entries))
        assert 0 < found.idle <= found.load < 100_000


def test_a_schedule_that_is_no_rate_is_taken_for_a_daily_one() -> None:
    def program() -> None:
        aws.scheduler.Schedule(
            "nightly",
            schedule_expression="cron(0 3 * * ? *)",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(arn="arn:aws:sqs:eu-central-1:111111111111:q", role_arn="r"),
        )

    assert [line.arithmetic for line in lines(program)] == ["30.4 invocations x 1.00 USD per million"]
    assert notes(program) == ["nightly: only rates are understood as schedules; one invocation a day is assumed."]


def test_types_without_a_price_are_named() -> None:
    def program() -> None:
        aws.ec2.Instance("one", ami="ami-1", instance_type="t4g.small")
        aws.ec2.Instance("two", ami="ami-1", instance_type="t4g.small")
        aws.ec2.Vpc("free", cidr_block="10.0.0.0/16")
        aws.ecr.Repository("images")
        pulumi.ComponentResource("plinth:index:Anything", "component")

    assert notes(program) == [
        "Not estimated: aws:ec2/instance:Instance (2), aws:ecr/repository:Repository.",
    ]


def test_an_instance_of_a_fixed_class_is_said_to_be_left_out() -> None:
    def program() -> None:
        aws.rds.ClusterInstance(
            "db-1", cluster_identifier="db", instance_class="db.r8g.large", engine=aws.rds.EngineType.AURORA_POSTGRESQL
        )

    assert notes(program) == ["db-1: instances of a fixed class are not estimated."]


@pytest.mark.parametrize(("egress", "isolation"), [("endpoints", "microvm"), ("ipv6", "tenant")])
def test_every_type_that_the_settings_can_bring_has_a_price_or_is_free(egress: str, isolation: str) -> None:
    whole = stack_with(
        network_egress=egress,
        network_flow_logs=True,
        database_proxy=True,
        database_login="iam",
        database_former_login="password",
        api_reserved_concurrency=20,
        api_domain="api.example.com",
        api_domain_zone_id="Z123",
        sandbox_isolation=isolation,
        alarm_emails=("on-call@example.com",),
        monthly_budget_usd=100,
        github_repository="organisation/plinth",
    )
    types = {each.type for each in whole.entries if each.custom or each.remote}
    assert sorted(type_ for type_ in types if type_ not in ESTIMATED and not is_free(type_)) == []


def test_the_region_of_the_prices_needs_no_warning() -> None:
    assert estimate(_stack()).notes == estimate(Snapshot("p", "s", REGION, [])).notes
    assert not any("higher" in note for note in estimate(_stack()).notes)


def _idle(type_: str, inputs: Mapping[str, object]) -> float:
    return estimate(_stack(_entry(type_, inputs))).idle


def _entry(type_: str, inputs: Mapping[str, object], **made_of: list[str]) -> Entry:
    return Entry(
        urn=f"urn:pulumi:test::plinth::{type_}::one",
        type=type_,
        name="one",
        parent="",
        inputs=inputs,
        property_dependencies=made_of,
        remote=type_.startswith("awsx:"),
    )


def _stack(*entries: Entry) -> Snapshot:
    return Snapshot(project="plinth", stack="test", region=REGION, entries=entries)
