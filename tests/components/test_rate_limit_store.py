"""A cache for counters, bounded in cost, reachable only with its grant."""

from typing import Any

import pulumi
import pytest

from components.rate_limit_store import RateLimitStore, RateLimitStoreArgs
from tests.support.evaluation import deploy, inputs, registered, resource
from workbench.evaluate import ProgramError

ARGS: RateLimitStoreArgs = {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"]}


def test_it_is_a_cache_and_its_security_group() -> None:
    manifest = deploy(lambda: RateLimitStore("counters", ARGS))
    assert registered(manifest) == [
        "plinth:index:RateLimitStore$aws:ec2/securityGroup:SecurityGroup::counters-security-group",
        "plinth:index:RateLimitStore$aws:elasticache/serverlessCache:ServerlessCache::counters",
        "plinth:index:RateLimitStore::counters",
    ]
    assert inputs(manifest, "aws:ec2/securityGroup:SecurityGroup", "counters-security-group") == {
        "description": "The rate-limit counters",
        "vpcId": "vpc-1",
    }


@pytest.mark.parametrize(("args", "ecpu"), [({}, 1000), ({"max_ecpu_per_second": 5000}, 5000)])
def test_its_size_and_speed_are_bounded(args: RateLimitStoreArgs, ecpu: int) -> None:
    manifest = deploy(lambda: RateLimitStore("counters", {**ARGS, **args}))
    assert inputs(manifest, "aws:elasticache/serverlessCache:ServerlessCache", "counters") == {
        "name": "plinth-test-counters",
        "engine": "valkey",
        "majorEngineVersion": "8",
        "cacheUsageLimits": {
            "dataStorage": {"maximum": 1, "unit": "GB"},
            "ecpuPerSeconds": [{"maximum": ecpu}],
        },
        "subnetIds": ["subnet-1", "subnet-2"],
        "securityGroupIds": ["${aws:ec2/securityGroup:SecurityGroup::counters-security-group.id}"],
    }


def test_nothing_of_it_is_kept_since_a_lost_count_costs_nothing() -> None:
    manifest = deploy(lambda: RateLimitStore("counters", ARGS))
    cache = resource(manifest, "aws:elasticache/serverlessCache:ServerlessCache", "counters")
    assert (cache.protect, cache.retain_on_delete, cache.delete_before_replace) == (False, False, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"max_ecpu_per_second": 999}, "max_ecpu_per_second is 999: give a whole number from 1000 to 15000000."),
        ({"subnet_ids": ["a"]}, "subnet_ids is ['a']: give two or three subnets, each in another zone."),
        ({"subnet_ids": list("abcd")}, "subnet_ids is ['a', 'b', 'c', 'd']: give two or three subnets, each in"),
    ],
)
def test_what_elasticache_would_refuse_is_refused_at_once(args: dict[str, Any], message: str) -> None:
    merged: Any = {**ARGS, **args}
    with pytest.raises(ProgramError) as refused:
        deploy(lambda: RateLimitStore("counters", merged))
    assert f"RateLimitStore 'counters': {message}" in str(refused.value)


def test_alarms_find_it_by_name() -> None:
    manifest = deploy(lambda: pulumi.export("name", RateLimitStore("counters", ARGS).name))
    assert manifest.outputs == {"name": "plinth-test-counters"}


def test_a_function_that_counts_gets_a_tls_address_and_the_way() -> None:
    manifest = deploy(lambda: pulumi.export("grant", RateLimitStore("counters", ARGS).counts()))
    cache = "aws:elasticache/serverlessCache:ServerlessCache::counters"
    assert manifest.outputs["grant"] == {
        "environment": {
            "RATE_LIMIT_STORAGE_URI": f"valkeys://${{{cache}.endpoints[0].address}}:${{{cache}.endpoints[0].port}}"
        },
        "connections": [
            {
                "name": "counters",
                "port": 6379,
                "security_group_id": "${aws:ec2/securityGroup:SecurityGroup::counters-security-group.id}",
            }
        ],
    }
