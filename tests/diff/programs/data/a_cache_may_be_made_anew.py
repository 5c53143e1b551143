"""Whether AWS upgrades a cache in place depends on the versions: the reviewer is told that nobody knows."""

import pulumi_aws as aws


def before() -> None:
    """One version."""
    aws.elasticache.ServerlessCache("counters", name="counters", engine="valkey", major_engine_version="8")


def after() -> None:
    """Another one."""
    aws.elasticache.ServerlessCache("counters", name="counters", engine="valkey", major_engine_version="7")


CHANGES = ["replace? aws:elasticache/serverlessCache:ServerlessCache counters: majorEngineVersion?"]
RISKS = ["data-loss may-be-replaced counters"]
