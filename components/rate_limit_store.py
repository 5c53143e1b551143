"""The counters behind the service's own rate limits, shared by all instances of a function."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.grants import Connection, Grant
from components.naming import physical_name

_PORT = 6379


class RateLimitStoreArgs(TypedDict):
    vpc_id: pulumi.Input[str]
    """The VPC to live in."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Two or three subnets, each in another zone."""

    max_ecpu_per_second: NotRequired[int]
    """Upper limit of ElastiCache processing units a second; each addition to a counter takes about one, and a request
    may add to several. At least 1000, which is the default. Above it the store answers more slowly, and the service
    counts in memory."""


class RateLimitStore(pulumi.ComponentResource):
    """A serverless Valkey cache for counters that live for seconds.

    Defaults: at most 1 GB and 1,000 processing units a second; no snapshots, since a lost counter costs nothing.
    Cost: 0.084 USD a GB and hour with a minimum of 100 MB: about 6 USD a month idle (us-east-1).
    Security: TLS only, encrypted at rest; reachable only by holders of `counts()`.
    """

    address: pulumi.Output[str]
    """Host name of the cache."""

    def __init__(self, name: str, args: RateLimitStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:RateLimitStore", name, {**args}, opts)
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

        self.address = cache.endpoints.apply(lambda endpoints: endpoints[0].address)
        port = cache.endpoints.apply(lambda endpoints: endpoints[0].port)
        self._uri = pulumi.Output.concat("valkeys://", self.address, ":", port.apply(str))
        self._connection = Connection(name=name, security_group_id=security_group.id, port=_PORT)
        self.register_outputs({"address": self.address})

    def counts(self) -> Grant:
        """What a function that counts requests needs: where the cache is, and the way there."""
        return Grant(environment={"RATE_LIMIT_STORAGE_URI": self._uri}, connections=[self._connection])
