"""The components can be consumed as a Pulumi package: their schema infers."""

import json
from typing import Any

import pytest
from pulumi.provider.experimental.component import ComponentProvider

from components.database import Database
from components.http_api import HttpApi
from components.migration import Migration
from components.network import Network
from components.python_function import PythonFunction
from components.rate_limit_store import RateLimitStore
from components.sandbox_function import SandboxFunction
from components.sandbox_image import SandboxImage
from components.sealed_network import SealedNetwork
from components.signing_keys import SigningKeys
from components.work_queue import WorkQueue

COMPONENTS = [
    Database,
    HttpApi,
    Migration,
    Network,
    PythonFunction,
    RateLimitStore,
    SandboxFunction,
    SandboxImage,
    SealedNetwork,
    SigningKeys,
    WorkQueue,
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(ComponentProvider([*COMPONENTS], "plinth", None, "0.1.0").schema or "")


def test_every_component_and_type_is_in_the_schema(schema: dict[str, Any]) -> None:
    assert sorted(schema["resources"]) == [f"plinth:index:{component.__name__}" for component in COMPONENTS]
    assert sorted(schema["types"]) == [
        "plinth:index:Connection",
        "plinth:index:Grant",
        "plinth:index:QueueSource",
        "plinth:index:Schedule",
        "plinth:index:Statement",
        "plinth:index:Throttle",
    ]


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_argument_and_output_is_described(schema: dict[str, Any], component: type) -> None:
    described = schema["resources"][f"plinth:index:{component.__name__}"]
    properties = {**described["inputProperties"], **described["properties"]}
    assert [name for name, each in properties.items() if not each.get("description")] == []
    assert all(section in described["description"] for section in ("Defaults:", "Cost:", "Security:"))


def test_every_key_of_the_shared_types_is_described(schema: dict[str, Any]) -> None:
    undescribed = [
        f"{name}.{key}"
        for name, each in schema["types"].items()
        for key, described in each["properties"].items()
        if not described.get("description")
    ]
    assert undescribed == []


def test_what_a_component_demands_is_required(schema: dict[str, Any]) -> None:
    required = {name.rpartition(":")[2]: sorted(each["requiredInputs"]) for name, each in schema["resources"].items()}
    assert required == {
        "Database": ["subnetIds", "vpcId"],
        "HttpApi": ["aliasName", "defaultThrottle", "functionName", "invokeArn", "routes"],
        "Migration": ["aliasName", "functionName", "revision"],
        "Network": ["availabilityZones", "region"],
        "PythonFunction": ["code", "handler"],
        "RateLimitStore": ["subnetIds", "vpcId"],
        "SandboxFunction": ["accountId", "availabilityZones", "code", "handler", "image", "region", "runner"],
        "SandboxImage": [
            "accountId",
            "code",
            "region",
            "securityGroupArn",
            "securityGroupId",
            "subnetArns",
            "subnetIds",
        ],
        "SealedNetwork": ["availabilityZones"],
        "SigningKeys": [],
        "WorkQueue": [],
    }
