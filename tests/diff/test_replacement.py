"""Which properties a resource cannot change in place, and where that is written."""

import importlib
import re
import subprocess
import sys
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

import pytest

from tests.support.snapshots import between, entry
from workbench.diff import replacement
from workbench.diff.model import ABSENT, Action, Forces, ItemName, PropertyChange
from workbench.diff.replacement import Verdict, says_it_forces, verdict
from workbench.diff.replacement_components import COMPONENTS
from workbench.diff.replacement_table import TABLE
from workbench.diff.snapshot import Entry
from workbench.project import ROOT

CLUSTER = "aws:rds/cluster:Cluster"
QUEUE = "aws:sqs/queue:Queue"
SILENT = Verdict(Forces.MAY, "neither the table nor the SDK's documentation says")


def arguments(type_: str) -> Any:
    """The class of a type's arguments in the SDK."""
    place, _, kind = type_.removeprefix("aws:").partition(":")
    package = place.partition("/")[0]
    return getattr(importlib.import_module(f"pulumi_aws.{package}{'_' * iskeyword(package)}"), f"{kind}Args")


def wire_names(holder: type) -> Mapping[str, Any]:
    """The properties of a class of the SDK by their names on the wire."""
    getters = {name: member.fget for name, member in vars(holder).items() if isinstance(member, property)}
    return {getattr(getter, "_pulumi_name", name): getter for name, getter in getters.items()}


def types_of_the_components() -> set[str]:
    """Every AWS type that a component makes, whatever its options."""
    sources = "".join(path.read_text() for path in (ROOT / "components").glob("*.py"))
    classes = re.findall(r"\baws\.(\w+)\.([A-Z]\w+)\(", sources)
    found = [getattr(importlib.import_module(f"pulumi_aws.{module}"), name) for module, name in classes]
    return {cls.pulumi_type for cls in found if hasattr(cls, "pulumi_type")}


def test_the_table_has_every_type_that_the_components_make() -> None:
    types = types_of_the_components()
    assert len(types) > 55
    assert types - set(TABLE) == set()


@pytest.mark.parametrize("type_", TABLE)
def test_the_table_names_only_properties_that_there_are(type_: str) -> None:
    row = TABLE[type_]
    named = {path[0] for path in (*row.forces, *row.conditions)} | row.unread
    assert named - set(wire_names(arguments(type_))) == set()


def test_the_table_names_only_parts_of_blocks_that_there_are() -> None:
    from pulumi_aws.ec2 import VpcEndpointDnsOptionsArgs

    nested = {path for row in TABLE.values() for path in (*row.forces, *row.conditions) if len(path) > 1}
    assert nested == {("dnsOptions", "privateDnsPreference"), ("dnsOptions", "privateDnsSpecifiedDomains")}
    assert {path[1] for path in nested} <= set(wire_names(VpcEndpointDnsOptionsArgs))


@pytest.mark.parametrize("type_", TABLE)
def test_the_table_agrees_with_the_documentation_of_the_sdk(type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = TABLE[type_]
    ours = {path[0] for path in (*row.forces, *row.conditions)} | row.unread | {"region"}
    monkeypatch.setattr(replacement, "TABLE", {})
    names = wire_names(arguments(type_))
    assert {name for name in names if verdict(type_, (name,)).forces is Forces.YES} - ours == set()


def test_no_property_is_in_two_columns() -> None:
    for row in TABLE.values():
        columns = [{path[0] for path in row.forces}, {path[0] for path in row.conditions}, set(row.unread)]
        assert sum(map(len, columns)) == len(set[str]().union(*columns))


def test_every_row_names_the_version_of_its_document() -> None:
    read = r"terraform-provider-aws internal/service/[a-z0-9]+/[a-z0-9_]+\.go @ [0-9a-f]{7}(, #\d+ and #\d+)?"
    schema = r"CloudFormation's schema of AWS::\w+::\w+ \(cfn-lint [\d.]+\)"
    assert [row.source for row in TABLE.values() if not re.fullmatch(f"{read}|{schema}", row.source)] == []


@pytest.mark.parametrize(
    ("type_", "path", "forces"),
    [
        (CLUSTER, ("databaseName",), Forces.YES),
        (CLUSTER, ("masterUsername",), Forces.YES),
        (CLUSTER, ("engineVersion",), Forces.NO),
        (CLUSTER, ("serverlessv2ScalingConfiguration", "maxCapacity"), Forces.NO),
        (CLUSTER, ("restoreToPointInTime", "useLatestRestorableTime"), Forces.YES),
        (QUEUE, ("name",), Forces.YES),
        (QUEUE, ("policy", "Statement", 0, "Action"), Forces.NO),
        (QUEUE, ("tags", "owner"), Forces.NO),
        (QUEUE, ("region",), Forces.YES),
        ("aws:lambda/function:Function", ("code",), Forces.NO),
        ("aws:lambda/layerVersion:LayerVersion", ("code",), Forces.YES),
        ("aws:lambda/function:Function", ("environment", "variables", "name"), Forces.NO),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", ("dnsOptions", "privateDnsPreference"), Forces.YES),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", ("dnsOptions", "dnsRecordIpType"), Forces.NO),
        ("aws:apigatewayv2/route:Route", ("routeKey",), Forces.NO),
    ],
)
def test_a_property_is_looked_up_in_the_table(type_: str, path: tuple[str | int, ...], forces: Forces) -> None:
    assert verdict(type_, path).forces is forces


def test_a_verdict_says_what_was_read() -> None:
    source = "terraform-provider-aws internal/service/rds/cluster.go @ 0168cf6"
    assert verdict(CLUSTER, ("databaseName",)) == Verdict(Forces.YES, source)
    assert verdict(CLUSTER, ("engineVersion",)) == Verdict(Forces.NO, source)


def test_a_whole_block_may_force_where_a_part_of_it_does() -> None:
    told = verdict("aws:ec2/vpcEndpoint:VpcEndpoint", ("dnsOptions",))
    assert told.forces is Forces.MAY
    assert told.source.startswith(
        "where dnsOptions.privateDnsPreference or dnsOptions.privateDnsSpecifiedDomains changes; "
    )


def test_the_name_of_an_element_is_no_key() -> None:
    path = ("dnsOptions", ItemName("privateDnsPreference"))
    assert verdict("aws:ec2/vpcEndpoint:VpcEndpoint", path).forces is Forces.MAY


RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("type_", "name", "before", "after", "inputs", "forces"),
    [
        (RULE, "cidrIpv4", "10.0.0.0/8", "10.1.0.0/16", {}, Forces.NO),
        (RULE, "cidrIpv4", "10.0.0.0/8", ABSENT, {}, Forces.YES),
        (RULE, "referencedSecurityGroupId", ABSENT, "sg-1", {}, Forces.YES),
        (CLUSTER, "snapshotIdentifier", "nightly", ABSENT, {}, Forces.NO),
        (CLUSTER, "snapshotIdentifier", "nightly", "weekly", {}, Forces.YES),
        (CLUSTER, "storageType", "aurora-iopt1", ABSENT, {"engine": "aurora-postgresql"}, Forces.NO),
        (CLUSTER, "storageType", "io1", "gp3", {"engine": "postgres"}, Forces.YES),
        (CLUSTER, "storageType", "io1", "gp3", {"engine": "${a:b:C::d.e}"}, Forces.MAY),
        ("aws:lambda/invocation:Invocation", "input", "{}", "[]", {"lifecycleScope": "CREATE_ONLY"}, Forces.YES),
        ("aws:lambda/invocation:Invocation", "input", "{}", "[]", {}, Forces.YES),
        ("aws:lambda/invocation:Invocation", "input", "{}", "[]", {"lifecycleScope": "CRUD"}, Forces.NO),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "privateDnsEnabled", True, False, {}, Forces.YES),
        (
            "aws:ec2/vpcEndpoint:VpcEndpoint",
            "privateDnsEnabled",
            True,
            False,
            {"vpcEndpointType": "Interface"},
            Forces.NO,
        ),
        ("aws:ssm/parameter:Parameter", "tier", "Advanced", "Standard", {}, Forces.YES),
        ("aws:ssm/parameter:Parameter", "tier", "Standard", "Advanced", {}, Forces.NO),
        ("aws:ec2/vpc:Vpc", "instanceTenancy", "dedicated", "default", {}, Forces.NO),
        ("aws:ec2/vpc:Vpc", "instanceTenancy", ABSENT, "default", {}, Forces.NO),
        ("aws:ec2/vpc:Vpc", "instanceTenancy", "default", "dedicated", {}, Forces.YES),
        ("aws:elasticache/serverlessCache:ServerlessCache", "engine", "redis", "valkey", {}, Forces.NO),
        ("aws:elasticache/serverlessCache:ServerlessCache", "engine", "valkey", "redis", {}, Forces.YES),
        ("aws:elasticache/serverlessCache:ServerlessCache", "majorEngineVersion", "7", "8", {}, Forces.MAY),
    ],
)
def test_what_depends_on_the_values_is_decided_by_them(
    type_: str, name: str, before: Any, after: Any, inputs: Mapping[str, Any], forces: Forces
) -> None:
    assert verdict(type_, (name,), PropertyChange((name,), before, after), inputs).forces is forces


@pytest.mark.parametrize(
    ("type_", "name"),
    [(type_, ".".join(path)) for type_, row in TABLE.items() for path in row.conditions],
)
def test_what_depends_on_the_values_may_force_where_they_are_not_told(type_: str, name: str) -> None:
    told = verdict(type_, tuple(name.split(".")))
    condition = TABLE[type_].conditions[tuple(name.split("."))]
    assert told == Verdict(Forces.MAY, f"{condition.said}; {TABLE[type_].source}")


def test_the_documentation_decides_on_a_type_that_the_table_lacks() -> None:
    group = "aws:elasticache/replicationGroup:ReplicationGroup"
    assert group not in TABLE
    assert verdict(group, ("snapshotName",)) == Verdict(Forces.YES, "the SDK's documentation of ReplicationGroup")
    assert verdict(group, ("numNodeGroups",)) == SILENT


def test_a_module_with_the_name_of_a_keyword_has_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacement, "TABLE", {})
    told = verdict("aws:lambda/layerVersion:LayerVersion", ("sourceCodeHash",))
    assert told == Verdict(Forces.YES, "the SDK's documentation of LayerVersion")


def test_the_documentation_decides_on_a_property_that_is_newer_than_the_table() -> None:
    assert verdict(CLUSTER, ("publiclyAccessible",)) == SILENT


def test_a_property_that_nobody_knows_may_force() -> None:
    group = "aws:elasticache/replicationGroup:ReplicationGroup"
    assert verdict(group, ("invented",)) == Verdict(
        Forces.MAY, "neither the table nor the SDK knows invented of ReplicationGroup"
    )


@pytest.mark.parametrize("type_", ["random:index/randomId:RandomId", "aws:nowhere/at:All", "bad", "a:b/../c:D", ""])
def test_a_type_that_nobody_knows_may_be_replaced(type_: str) -> None:
    assert verdict(type_, ("name",)) == SILENT


@pytest.mark.parametrize(
    ("text", "forces"),
    [
        ("Forces new resource.", True),
        ("Changing this forces a new resource to be created.", True),
        ("changing this value will force resource recreation", True),
        ("Changing this value creates a new resource.", True),
        ("Virtual attribute used to trigger replacement when source code changes.", True),
        ("Changing this value triggers an update to `master_password_wo`.", False),
        ("Whether to replace the security groups prior to destruction", False),
        ("Forces an instance to be destroyed when a part of a read replica cluster.", False),
        ("Whether to force detaching any policies the role has before destroying it.", False),
    ],
)
def test_documentation_is_read_as_people_read_it(text: str, forces: bool) -> None:
    assert says_it_forces(text) is forces


def test_the_sdk_is_read_and_never_imported() -> None:
    asked = "verdict('aws:elasticache/replicationGroup:ReplicationGroup', ('snapshotName',)).forces.value"
    program = (
        "import sys; from workbench.diff.replacement import verdict; "
        f"print({asked}, [name for name in sys.modules if name.startswith('pulumi')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "yes []\n"


def _placed(*zones: str, cidr: str = "10.0.0.0/16", **more: Any) -> Entry:
    """A network of awsx with a block of addresses in each zone."""
    blocks = [f"10.0.{zone}.0/24" for zone in zones]
    inputs = {"cidrBlock": cidr, "availabilityZoneNames": list(zones), "subnetSpecs": [{"cidrBlocks": blocks}], **more}
    return entry("awsx:ec2:Vpc", "network", inputs)


def _used(network: Entry) -> list[Entry]:
    """A group that is in the network, and a cache that is in its subnets."""
    held = {"vpcId": "${awsx:ec2:Vpc::network.vpcId}"}, {"subnetIds": ["${awsx:ec2:Vpc::network.isolatedSubnetIds[0]}"]}
    return [
        network,
        entry("aws:ec2/securityGroup:SecurityGroup", "group", held[0], dependencies=[network.urn]),
        entry("aws:elasticache/serverlessCache:ServerlessCache", "cache", held[1], dependencies=[network.urn]),
    ]


@pytest.mark.parametrize(
    ("after", "happens"),
    [
        pytest.param(_placed("1", "2", cidr="10.0.0.0/12"), ["network", "cache", "group"], id="another range"),
        pytest.param(_placed("1", "3"), ["network?", "cache?"], id="another zone"),
        pytest.param(_placed("1"), ["network?", "cache?"], id="a zone less"),
        pytest.param(_placed("1", "2", subnetStrategy="Exact"), ["network?", "cache?"], id="other blocks"),
        pytest.param(_placed("1", "2", ipv6NetmaskLength=60), ["network?", "cache?"], id="what nobody has read of"),
        pytest.param(_placed("1", "2", "3"), [], id="a zone more"),
        pytest.param(_placed("1", "2", tags={"team": "jobs"}), [], id="tags"),
        pytest.param(_placed("1", "2", enableDnsHostnames=True), [], id="what is changed in place"),
    ],
)
def test_a_network_of_awsx_is_told_by_what_is_in_it(after: Entry, happens: list[str]) -> None:
    changes = between(_used(_placed("1", "2")), _used(after)).changes
    replaced = [f"{each.name}{'' if each.certain else '?'}" for each in changes if each.action is Action.REPLACE]
    assert sorted(replaced) == sorted(happens)


def test_zones_whose_blocks_are_not_given_may_be_cut_anew() -> None:
    before, after = (
        entry("awsx:ec2:Vpc", "network", {"availabilityZoneNames": list(zones)}) for zones in ("ab", "abc")
    )
    (change,) = between([before], [after]).changes
    assert (change.action, change.certain) == (Action.REPLACE, False)


@pytest.mark.parametrize("type_", COMPONENTS)
def test_what_is_said_of_components_is_said_of_properties_that_there_are(type_: str) -> None:
    from pulumi_awsx.ec2 import Vpc, VpcArgs

    inside, arguments_there = COMPONENTS[type_], wire_names(VpcArgs)
    named = {path[0] for path in (*inside.row.forces, *inside.row.conditions)} | inside.row.unread
    assert (named | set(inside.core)) - set(arguments_there) == set()
    assert [name for name in inside.stays if not hasattr(Vpc, re.sub("([A-Z])", r"_\1", name).lower())] == []


def test_a_program_may_say_itself_what_replaces() -> None:
    def queue(delay: int, size: int, **more: Any) -> Entry:
        return entry(QUEUE, "jobs", {"delaySeconds": delay, "tags": {"size": size}}, **more)

    def happens(*paths: str) -> list[tuple[str, str, str]]:
        (change,) = between([queue(1, 1)], [queue(2, 2, replace_on_changes=paths)]).changes
        return [(change.action, each.label, each.forces) for each in change.properties]

    assert happens() == [("update", "delaySeconds", "no"), ("update", "tags.size", "no")]
    assert happens("delaySeconds") == [("replace", "delaySeconds", "yes"), ("replace", "tags.size", "no")]
    assert happens("tags") == [("replace", "delaySeconds", "no"), ("replace", "tags.size", "yes")]
    assert happens("*") == [("replace", "delaySeconds", "yes"), ("replace", "tags.size", "yes")]
    assert happens("policy") == happens()
