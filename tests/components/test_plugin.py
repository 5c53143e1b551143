"""The package, run as the engine runs it, makes the same of a program in another language as of one in Python."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from components.database import Database
from components.function_args import QueueSource
from components.plugin import LATER, committed
from components.python_function import PythonFunction
from components.rate_limit_store import RateLimitStore
from components.sealed_network import SealedNetwork
from components.work_queue import WorkQueue
from tests.support.checkout import copy_of_checkout
from tests.support.evaluation import deploy, inputs, policy, registered, resource
from tests.support.packages import UNKNOWN, Program, output_value, running, secret_value
from workbench.manifest import Archive, Manifest, Secret, shown
from workbench.project import ROOT

pytestmark = pytest.mark.xdist_group("plugin")

CODE = str(ROOT / "locks")
FUNCTION = {"code": Archive(Path(CODE)), "handler": "main.handler"}
PLACE = {"vpcId": "vpc-1", "subnetIds": ["subnet-1", "subnet-2"]}
RULES = (
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Generator[Any]:
    """The package's process: started by its folder's path, from the folder of another project."""
    with running(str(ROOT / "components"), directory=str(tmp_path_factory.mktemp("elsewhere"))) as provider:
        yield provider


def in_python() -> None:
    queue = WorkQueue("jobs", {"max_receives": 3})
    vpc_id, subnet_ids = "vpc-1", ["subnet-1", "subnet-2"]
    database = Database("database", {"vpc_id": vpc_id, "subnet_ids": subnet_ids, "max_capacity": 4})
    counts = RateLimitStore("limits", {"vpc_id": vpc_id, "subnet_ids": subnet_ids})
    PythonFunction(
        "worker",
        {
            "code": pulumi.FileArchive(CODE),
            "handler": "main.handler",
            "grants": [
                queue.sends(),
                queue.receives(),
                counts.counts(),
                database.connects(),
                database.administers(),
            ],
            "vpc_id": vpc_id,
            "subnet_ids": subnet_ids,
            "queues": [QueueSource(name="jobs", queue_arn=queue.arn, maximum_concurrency=5)],
            "reserved_concurrency": 5,
        },
    )


def over_the_wire(package: Any, *, preview: bool = False) -> Program:
    """The same program as one in YAML or TypeScript has it."""
    program = Program(package, preview=preview)
    queue = program.construct("WorkQueue", "jobs", {"maxReceives": 3})
    database = program.construct("Database", "database", {**PLACE, "maxCapacity": 4})
    counts = program.construct("RateLimitStore", "limits", PLACE)
    program.construct(
        "PythonFunction",
        "worker",
        {
            **FUNCTION,
            **PLACE,
            "grants": [
                queue.output("grants", "sends"),
                queue.output("grants", "receives"),
                counts.output("grants", "counts"),
                database.output("grants", "connects"),
                database.output("grants", "administers"),
            ],
            "queues": [{"name": "jobs", "queueArn": queue.output("arn"), "maximumConcurrency": 5}],
            "reservedConcurrency": 5,
        },
    )
    return program


def policies(manifest: Manifest) -> Mapping[str, Any]:
    roles = "aws:iam/rolePolicy:RolePolicy"
    return {each.name: policy(manifest, each.name) for each in manifest.of_type(roles)}


def rules(manifest: Manifest) -> Mapping[str, Any]:
    return {each.name: shown(each.inputs) for kind in RULES for each in manifest.of_type(kind)}


def test_a_program_in_another_language_registers_what_one_in_python_does(package: Any) -> None:
    python, other = deploy(in_python), over_the_wire(package).monitor.manifest()
    assert registered(other) == registered(python)
    for expected, found in zip(python.resources, other.resources, strict=True):
        assert (found.urn, shown(found.inputs)) == (expected.urn, shown(expected.inputs))
        assert (found.protect, found.retain_on_delete, found.aliases) == (
            expected.protect,
            expected.retain_on_delete,
            expected.aliases,
        )
        # A grant depends, as one output, on all that any of its values does.
        assert set(found.dependencies) >= set(expected.dependencies)


def test_permissions_and_security_group_rules_come_with_the_grants(package: Any) -> None:
    python, other = deploy(in_python), over_the_wire(package).monitor.manifest()
    assert policies(other) == policies(python)
    assert rules(other) == rules(python)
    assert sorted(rules(other)) == [
        "worker-into-database",
        "worker-into-limits",
        "worker-to-database",
        "worker-to-limits",
    ]


def test_a_grant_leaves_the_package_under_the_names_that_it_enters_by(package: Any) -> None:
    counts = Program(package).construct("RateLimitStore", "limits", PLACE)
    assert counts.state["grants"]["counts"]["connections"] == [
        {
            "name": "limits",
            "port": 6379,
            "securityGroupId": "${aws:ec2/securityGroup:SecurityGroup::limits-security-group.id}",
        }
    ]
    assert counts.dependencies["grants"] == [
        "urn:pulumi:test::plinth::plinth:index:RateLimitStore$aws:ec2/securityGroup:SecurityGroup::limits-security-group",
        "urn:pulumi:test::plinth::plinth:index:RateLimitStore$aws:elasticache/serverlessCache:ServerlessCache::limits",
    ]


def test_whole_numbers_stay_whole(package: Any) -> None:
    program = Program(package)
    queue = program.construct("WorkQueue", "jobs", {"maxReceives": 3})
    assert queue.state["grants"]["receives"]["environment"] == {"QUEUE_MAX_RECEIVES": "3"}
    assert json.loads(inputs(program.monitor.manifest(), "aws:sqs/queue:Queue", "jobs")["redrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-central-1:111111111111:plinth-test-jobs-dead-letters",
        "maxReceiveCount": 3,
    }


def test_in_a_first_preview_what_unknown_grants_give_is_unknown_and_nothing_fails(package: Any) -> None:
    manifest = over_the_wire(package, preview=True).monitor.manifest()
    assert rules(manifest) == {}
    assert inputs(manifest, "aws:iam/rolePolicy:RolePolicy", "worker-policy")["policy"] == UNKNOWN
    function = inputs(manifest, "aws:lambda/function:Function", "worker")
    assert function["environment"]["variables"] == {
        LATER: UNKNOWN,
        "POWERTOOLS_SERVICE_NAME": "plinth-test-worker",
        "POWERTOOLS_TRACE_DISABLED": "false",
    }
    without_rules = [
        name
        for name in registered(deploy(in_python))
        if "SecurityGroupEgress" not in name and "SecurityGroupIngress" not in name
    ]
    assert registered(manifest) == without_rules


def grant(url: Any, group: Any) -> dict[str, Any]:
    return {
        "environment": {"URL": url},
        "statements": [{"actions": ["sqs:SendMessage"], "resources": [url]}],
        "connections": [{"name": "queue", "securityGroupId": group, "port": 443}],
    }


WHOLE = grant("arn:queue", "sg-1")
QUEUE = "urn:pulumi:test::plinth::aws:sqs/queue:Queue::queue"


@pytest.mark.parametrize(
    ("grants", "input_dependencies", "secret"),
    [
        pytest.param([WHOLE], {}, False, id="plain"),
        pytest.param([output_value(WHOLE, [QUEUE])], {}, False, id="one output"),
        pytest.param(output_value([WHOLE], [QUEUE]), {}, False, id="the list one output"),
        pytest.param(
            [grant(output_value("arn:queue", [QUEUE]), output_value("sg-1", [QUEUE]))], {}, False, id="outputs inside"
        ),
        pytest.param([WHOLE], {"grants": [QUEUE]}, False, id="dependencies told apart"),
        pytest.param([secret_value(WHOLE)], {}, True, id="secret"),
        pytest.param([output_value(WHOLE, [QUEUE], secret=True)], {}, True, id="a secret output"),
        pytest.param(secret_value([output_value(WHOLE)]), {}, True, id="an output in a secret"),
    ],
)
def test_a_grant_may_come_in_any_form_that_an_sdk_sends(
    package: Any, grants: Any, input_dependencies: Any, secret: bool
) -> None:
    program = Program(package)
    program.construct(
        "PythonFunction", "worker", {**FUNCTION, **PLACE, "grants": grants}, input_dependencies=input_dependencies
    )
    manifest = program.monitor.manifest()
    wrapped: Callable[[Any], Any] = Secret if secret else lambda value: value
    group = resource(manifest, RULES[0], "worker-to-queue").inputs["referencedSecurityGroupId"]
    assert group == wrapped("sg-1")
    role = resource(manifest, "aws:iam/rolePolicy:RolePolicy", "worker-policy").inputs["policy"]
    document = json.loads(role.value if secret else role)
    assert {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": ["arn:queue"]} in document["Statement"]
    depends = QUEUE in resource(manifest, "aws:lambda/function:Function", "worker").dependencies
    assert depends == (QUEUE in str(grants) or bool(input_dependencies))


def test_only_what_is_unknown_in_a_grant_is_unknown_in_what_it_gives(package: Any) -> None:
    program = Program(package, preview=True)
    known_in_part = grant(output_value(UNKNOWN, [QUEUE]), "sg-1")
    program.construct("PythonFunction", "worker", {**FUNCTION, **PLACE, "grants": [known_in_part]})
    manifest = program.monitor.manifest()
    assert inputs(manifest, RULES[0], "worker-to-queue")["referencedSecurityGroupId"] == "sg-1"
    assert inputs(manifest, "aws:lambda/function:Function", "worker")["environment"]["variables"]["URL"] == UNKNOWN


def test_what_a_component_waits_for_its_children_wait_for(package: Any) -> None:
    program = Program(package)
    program.construct("PythonFunction", "worker", FUNCTION, depends_on=[QUEUE])
    assert QUEUE in resource(program.monitor.manifest(), "aws:lambda/function:Function", "worker").dependencies


def test_children_are_adjusted_in_the_names_of_the_other_language(package: Any) -> None:
    program = Program(package)
    adjust = {"jobs": {"kmsMasterKeyId": output_value("key", [QUEUE]), "tags": {"a": "b"}}}
    program.construct("WorkQueue", "jobs", {"adjust": adjust})
    queue = resource(program.monitor.manifest(), "aws:sqs/queue:Queue", "jobs")
    assert (queue.inputs["kmsMasterKeyId"], queue.inputs["tags"]) == ("key", {"a": "b"})
    assert QUEUE in queue.dependencies


@pytest.mark.parametrize(
    ("component", "given", "path", "reason"),
    [
        ("PythonFunction", {"code": FUNCTION["code"]}, "handler", "PythonFunction needs it."),
        ("WorkQueue", {"maxRecieves": 3}, "maxRecieves", "WorkQueue has no argument 'maxRecieves'."),
        (
            "PythonFunction",
            {**FUNCTION, "grants": [{"connections": [{"name": "queue"}]}]},
            "grants[0].connections[0].port",
            "Connection needs it.",
        ),
        (
            "PythonFunction",
            {**FUNCTION, "grants": [{"enviroment": {}}]},
            "grants[0].enviroment",
            "grants[0] has no 'enviroment'.",
        ),
        (
            "SealedNetwork",
            {"availabilityZones": output_value(UNKNOWN)},
            "availabilityZones",
            "this must be known before the deployment: give it as a plain value.",
        ),
        (
            "WorkQueue",
            {"maxReceives": secret_value(3)},
            "maxReceives",
            "this goes into names and settings and cannot be secret: give it plainly.",
        ),
    ],
)
def test_a_wrong_input_is_named_to_the_engine(package: Any, component: str, given: Any, path: str, reason: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        Program(package, preview=True).construct(component, "it", given)
    call: Any = raised.value
    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
    (details,) = [value for key, value in call.trailing_metadata() if key == "grpc-status-details-bin"]
    assert path.encode() in details
    assert reason.encode() in details


def test_what_a_component_refuses_is_told_in_its_own_words(package: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        Program(package).construct("SealedNetwork", "sealed", {"availabilityZones": ["eu-central-1a"]})
    with pytest.raises(Exception, match="SealedNetwork") as expected:
        deploy(lambda: SealedNetwork("sealed", {"availability_zones": ["eu-central-1a"]}))
    call: Any = raised.value
    assert str(expected.value).removeprefix("ValueError: ") in call.details()


def test_the_package_answers_with_the_committed_schema(package: Any) -> None:
    answer = package.GetSchema(provider_pb2.GetSchemaRequest(), timeout=30)
    assert json.dumps(json.loads(answer.schema), indent=2) + "\n" == committed()


def test_the_folder_is_a_package_by_pulumis_conventions() -> None:
    manifest = yaml.safe_load((ROOT / "components" / "PulumiPlugin.yaml").read_text())
    assert manifest == {
        "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../.plinth/components-venv"}}
    }
    assert (ROOT / "components" / "__main__.py").is_file()


def test_the_package_is_installed_with_the_versions_of_the_project() -> None:
    pins = {
        line.partition("==")[0]: line
        for line in (ROOT / "components" / "requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    }
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert sorted(pins) == ["pulumi", "pulumi-aws", "pulumi-awsx"]
    assert set(pins.values()) <= set(groups["workbench"])


def test_one_command_writes_the_schema_anew(tmp_path: Path) -> None:
    checkout = copy_of_checkout(tmp_path)
    schema = checkout / "components" / "schema.json"
    schema.write_text("{}")
    subprocess.run([sys.executable, "-m", "components", "schema"], cwd=checkout, check=True, timeout=60)
    assert schema.read_text() == committed()
