"""A cache for counters, bounded in cost, reachable only with its grant."""

import pulumi
import pytest

from components.rate_limit_store import RateLimitStore, RateLimitStoreArgs
from tests.support.evaluation import deploy, inputs, registered

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
