"""Networks made in the local cloud: their records there, and functions that find its services from inside them."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_aws import sqs

from components.dual_stack import SERVICES
from components.grants import Grant, allow
from components.network import Network
from components.python_function import PythonFunction
from tests.workbench.conftest import ACCOUNT, REGION
from workbench.evaluate import evaluate
from workbench.local.apply import LocalProvider
from workbench.local.cloud import Cloud
from workbench.local.handlers.lambda_ import ENVIRONMENT_HERE
from workbench.local.state import State
from workbench.manifest import Manifest

pytestmark = pytest.mark.xdist_group("emulator")

ZONES = [f"{REGION}a", f"{REGION}c"]
FLOW_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vpc/plinth-nets-network"
SENDS = """
import os
import boto3

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody="hello")
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL_")}
"""

Apply = Callable[[Callable[[], None]], Manifest]


@pytest.fixture
def apply(cloud: Cloud) -> Generator[Apply]:
    """Brings the stack `nets` to what a program says, and to nothing after the test."""
    state = State()

    def run(program: Callable[[], None]) -> Manifest:
        provider = LocalProvider(cloud, state, lambda _step, _what: None)
        manifest = evaluate(program, provider, stack_name="nets")
        provider.delete_unseen()
        return manifest

    yield run
    run(lambda: None)


def network(**more: Any) -> Network:
    args: Any = {"region": REGION, "availability_zones": ZONES, "endpoints": ["sqs"], **more}
    made = Network("network", args)
    pulumi.export("vpc", made.vpc_id)
    pulumi.export("subnets", made.subnet_ids)
    return made


def blocks(cloud: Cloud, subnet_ids: list[str]) -> list[tuple[str, str]]:
    found = cloud.client("ec2").describe_subnets(SubnetIds=subnet_ids)["Subnets"]
    return sorted((each["AvailabilityZone"], each["CidrBlock"]) for each in found)


@pytest.mark.parametrize("egress", ["endpoints", "ipv6"])
def test_a_network_is_made_with_its_zones_and_flow_log_and_leaves_nothing_behind(
    apply: Apply, cloud: Cloud, egress: str
) -> None:
    outputs = apply(lambda: network(egress=egress, flow_logs=True, cidr_block="10.4.0.0/20") and None).outputs
    client = cloud.client("ec2")
    (vpc,) = client.describe_vpcs(VpcIds=[outputs["vpc"]])["Vpcs"]
    assert vpc["CidrBlock"] == "10.4.0.0/20"
    assert blocks(cloud, outputs["subnets"]) == [(ZONES[0], "10.4.0.0/23"), (ZONES[1], "10.4.4.0/23")]
    (flow_log,) = client.describe_flow_logs()["FlowLogs"]
    assert (flow_log["ResourceId"], flow_log["TrafficType"], flow_log["LogDestination"]) == (
        outputs["vpc"],
        "ALL",
        FLOW_LOGS,
    )
    gateways = client.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    assert [each["Attachments"][0]["VpcId"] for each in gateways] == ([outputs["vpc"]] if egress == "ipv6" else [])

    apply(lambda: None)
    assert client.describe_flow_logs()["FlowLogs"] == []
    assert client.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == []
    assert outputs["vpc"] not in [each["VpcId"] for each in client.describe_vpcs()["Vpcs"]]


def test_a_function_that_is_told_addresses_on_aws_finds_the_services_of_the_local_cloud(
    apply: Apply, cloud: Cloud, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text(SENDS)

    def program() -> None:
        net, queue = network(egress="ipv6", endpoints=["secretsmanager", "sqs"]), sqs.Queue("told", name="told")
        sends = Grant(environment={"QUEUE_URL": queue.url}, statements=[allow(["sqs:SendMessage"], queue.arn)])
        args: Any = {
            "code": pulumi.FileArchive(str(tmp_path)),
            "handler": "main.handler",
            "grants": [sends, net.reaches("secretsmanager", "sqs")],
            "vpc_id": net.vpc_id,
            "subnet_ids": net.subnet_ids,
            "tracing": False,
        }
        pulumi.export("queue", queue.url)
        pulumi.export("function", PythonFunction("teller", args).name)

    outputs = apply(program).outputs
    answer = cloud.client("lambda").invoke(FunctionName=outputs["function"])
    assert json.loads(answer["Payload"].read()) == {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
        "AWS_ENDPOINT_URL_SQS": "",
    }
    messages = cloud.client("sqs").receive_message(QueueUrl=outputs["queue"])["Messages"]
    assert [each["Body"] for each in messages] == ["hello"]
    configuration = cloud.client("lambda").get_function(FunctionName=outputs["function"])["Configuration"]
    assert sorted(configuration["VpcConfig"]["SubnetIds"]) == sorted(outputs["subnets"])


@pytest.mark.parametrize("service", SERVICES)
def test_no_function_here_is_told_an_address_on_aws(service: str) -> None:
    _reason, adapted = ENVIRONMENT_HERE[SERVICES[service].variable]
    assert adapted("https://anything") == ""
