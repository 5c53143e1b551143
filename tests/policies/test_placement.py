"""Everything says whose it is, and is where it may be."""

from typing import Any

import pytest

from policies.model import UNKNOWN, Settings
from tests.support.policies import made, provider, said

BOTH = {"plinth:project": "plinth", "plinth:stack": "prod"}
QUEUE = "aws:sqs/queue:Queue"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (BOTH, []),
        ({**BOTH, "team": "a"}, []),
        ({"plinth:project": "plinth"}, ["has no tag plinth:stack = prod"]),
        ({**BOTH, "plinth:stack": "dev"}, ["has the tag plinth:stack = dev, not prod"]),
        ({}, ["has no tag plinth:project = plinth", "has no tag plinth:stack = prod"]),
    ],
)
def test_providers_tag_what_they_make(tags: dict[str, str], expected: list[str]) -> None:
    assert said("tags", provider(tags=tags)) == [f"default_7_51_1 {each}" for each in expected]


@pytest.mark.parametrize("configured", ["no JSON", '"a text"', "[]", '{"tags": "a text"}'])
def test_tags_that_cannot_be_read_are_none(configured: str) -> None:
    assert said("tags", made("pulumi:providers:aws", "other", {"defaultTags": configured})) == [
        "other has no tag plinth:project = plinth",
        "other has no tag plinth:stack = prod",
    ]


@pytest.mark.parametrize("configured", [{"tags": BOTH}, UNKNOWN, {"tags": UNKNOWN}])
def test_tags_that_are_not_json_or_not_known_are_read_too(configured: Any) -> None:
    assert said("tags", made("pulumi:providers:aws", "other", {"defaultTags": configured})) == []
    assert said("tags", made("pulumi:providers:aws", "other")) == [
        "other has no tag plinth:project = plinth",
        "other has no tag plinth:stack = prod",
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, []),
        ({"tags": {"Name": "a"}}, []),
        ({"tags": UNKNOWN, "tagsAll": UNKNOWN}, []),
        ({"tags": {"Name": "a"}, "tagsAll": {**BOTH, "Name": "a"}}, []),
        ({"tags": {"plinth:stack": "dev"}}, ["queue has the tag plinth:stack = dev, not prod"]),
        ({"tagsAll": {"plinth:stack": "prod"}}, ["queue has no tag plinth:project = plinth"]),
    ],
)
def test_resources_have_the_stacks_tags(inputs: dict[str, Any], expected: list[str]) -> None:
    assert said("tags", made(QUEUE, "queue", inputs)) == expected


@pytest.mark.parametrize(
    ("type_", "inputs", "region"),
    [
        (QUEUE, {}, None),
        (QUEUE, {"region": "eu-west-1"}, None),
        (QUEUE, {"region": UNKNOWN}, None),
        (QUEUE, {"region": "us-east-1"}, "us-east-1"),
        ("pulumi:providers:aws", {"allowedAccountIds": UNKNOWN, "region": "us-east-1"}, "us-east-1"),
        ("pulumi:providers:aws", {"allowedAccountIds": UNKNOWN, "region": UNKNOWN}, None),
        ("aws:ec2/subnet:Subnet", {"availabilityZone": "eu-central-1a"}, None),
        ("aws:ec2/subnet:Subnet", {"availabilityZone": "eu-west-2a"}, "eu-west-2"),
        ("aws:ec2/subnet:Subnet", {"availabilityZone": UNKNOWN}, None),
        ("awsx:ec2:Vpc", {"availabilityZoneNames": ["eu-central-1a", "ap-southeast-2b"]}, "ap-southeast-2"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"serviceName": "com.amazonaws.eu-central-1.sqs"}, None),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"serviceName": "com.amazonaws.us-west-2.sqs"}, "us-west-2"),
        ("plinth:index:Network", {"region": "us-east-1"}, None),
    ],
)
def test_everything_is_in_an_allowed_region(type_: str, inputs: dict[str, Any], region: str | None) -> None:
    found = said("allowed-regions", made(type_, "one", inputs))
    assert found == ([f"one is in {region}: allowed are eu-central-1, eu-west-1"] if region else [])


def test_neither_region_nor_account_depends_on_who_deploys() -> None:
    assert said("allowed-regions", made("pulumi:providers:aws", "other")) == [
        "other has no allowedAccountIds, and takes the account of whoever deploys",
        "other has no region, and takes that of whoever deploys",
    ]


def test_a_team_says_which_regions_are_allowed() -> None:
    settings = Settings(allowed_regions=("us-east-1",))
    assert said("allowed-regions", provider("us-east-1"), settings=settings) == []
    assert said("allowed-regions", provider("eu-central-1"), settings=settings) == [
        "default_7_51_1 is in eu-central-1: allowed are us-east-1"
    ]
