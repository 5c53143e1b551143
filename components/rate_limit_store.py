"""The counters behind the service's own rate limits, shared by all instances of a function."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, handed_out
from components.grants import Connection, Grant
from components.naming import physical_name
from components.rules import check, several, whole

_PORT = 6379

_RULES = {
    "subnet_ids": several(2, 3, "two or three subnets, each in another zone"),
    "max_ecpu_per_second": whole(1000, 15_000_000),
}
"""The limits of ElastiCache Serverless (User Guide: Setting scaling limits)."""


class RateLimitStoreArgs(ComponentArgs):
    vpc_id: pulumi.Input[str]
    """The VPC to live in."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Two or three subnets, each in another zone. Caution: with others the cache is made anew, which takes minutes; the
    service counts in memory meanwhile."""

    max_ecpu_per_second: NotRequired[int]
    """Upper limit of ElastiCache processing units a second; each addition to a counter takes about one, and a request
    may add to several. 1000 to 15000000. Default 1000. Above it the store answers more slowly, and the service
    counts in memory."""


class RateLimitStore(Component):
    """A serverless Valkey cache for counters that live for seconds.

    Defaults: at most 1 GB and 1,000 processing units a second. No snapshots, nothing protected or retained: a lost
    counter costs nothing, and the next request begins it anew.
    Cost: 0.084 USD a GB and hour with a minimum of 100 MB: about 6 USD a month idle (us-east-1). Processing units are
    0.0023 USD a million: a million requests that count three times each are 0.007 USD.
    Security: TLS only, encrypted at rest; reachable only by holders of `counts()`. Whoever can reach it may use it:
    there is no login. One through IAM would bind each connection to a token that a client signs anew for every
    connection and twice a day, which the clients of rate limiters do not do; a password would be in the state file.
    What lies here is counts by user and by address, for minutes. Before anything else does, give it a user group.
    """

    name: pulumi.Output[str]
    """The cache's name on AWS, as its metrics have it."""

    address: pulumi.Output[str]
    """Host name of the cache."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: RateLimitStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        inside = pulumi.ResourceOptions(parent=self)

        security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group", description="The rate-limit counters", vpc_id=args["vpc_id"], opts=inside
        )
        cache = aws.elasticache.ServerlessCache(
            name,
            name=physical_name(name, 40),
            engine="valkey",
            major_engine_version="8",
            cache_usage_limits=aws.elasticache.ServerlessCacheCacheUsageLimitsArgs(
                data_storage=aws.elasticache.ServerlessCacheCacheUsageLimitsDataStorageArgs(maximum=1, unit="GB"),
                ecpu_per_seconds=[
                    aws.elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArgs(
                        maximum=args.get("max_ecpu_per_second", 1000)
                    )
                ],
            ),
            subnet_ids=args["subnet_ids"],
            security_group_ids=[security_group.id],
            # The name is taken until the old cache is gone; counters survive neither order.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

        self.name = cache.name
        self.address = cache.endpoints.apply(lambda endpoints: endpoints[0].address)
        port = cache.endpoints.apply(lambda endpoints: endpoints[0].port)
        self._uri = pulumi.Output.concat("valkeys://", self.address, ":", port.apply(str))
        self._connection = Connection(name=name, security_group_id=security_group.id, port=_PORT)
        self.grants = handed_out(counts=self.counts())
        self.register_outputs({"name": self.name, "address": self.address, "grants": self.grants})

    def counts(self) -> Grant:
        """What a function that counts requests needs: where the cache is, and the way there."""
        return Grant(environment={"RATE_LIMIT_STORAGE_URI": self._uri}, connections=[self._connection])
