"""Where clients come into a database: at its cluster itself, or through RDS Proxy before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.database_args import DatabaseArgs, uses_tokens
from components.database_capacity import PROXY_PERCENT
from components.grants import Connection, Statement, policy_document
from components.naming import physical_name
from components.trust import trust
from components.ways import opened

IAM_USER = "plinth_app_iam"
"""The role in the database that clients with the login `iam` take. Another one than that of `password`, since a role
that IAM lets in is never let in by its password again: so either login works while the other is introduced."""

PORT = 5432

_ASSUMED_BY_RDS = trust("rds.amazonaws.com", None)
"""AWS documents no account that a proxy tells."""


@dataclass(frozen=True)
class Entrance:
    """One place where clients connect."""

    endpoint: pulumi.Output[str]

    user_arn: pulumi.Output[str]
    """The application's role as IAM names it there."""

    connection: Connection


@dataclass(frozen=True)
class Behind:
    """What the entrances of a database lead to."""

    cluster: aws.rds.Cluster
    instances: Sequence[aws.rds.ClusterInstance]
    security_group: aws.ec2.SecurityGroup
    secret_arn: pulumi.Output[str] | None
    """The secret with the application's password, where it has one."""


def writer(name: str, behind: Behind) -> Entrance:
    """The cluster's own entrance: its writer."""
    return Entrance(
        endpoint=behind.cluster.endpoint,
        user_arn=_user_arn(behind.cluster.arn, behind.cluster.cluster_resource_id),
        connection=Connection(name=name, security_group_id=behind.security_group.id, port=PORT),
    )


def proxy(
    name: str, args: DatabaseArgs, behind: Behind, logs_in: Sequence[Statement], inside: pulumi.ResourceOptions
) -> Entrance:
    """Makes the proxy, which `logs_in` as its clients do, and the way from it to the cluster.

    It holds no data, so nothing of it is protected.
    """
    identifier = physical_name(f"{name}-proxy", 60)
    security_group = aws.ec2.SecurityGroup(
        f"{name}-proxy-security-group", description="The proxy of the database", vpc_id=args["vpc_id"], opts=inside
    )
    way = opened(f"{name}-proxy", security_group, writer(name, behind).connection, inside)
    role = aws.iam.Role(f"{name}-proxy-role", name=identifier, assume_role_policy=_ASSUMED_BY_RDS, opts=inside)
    permissions = aws.iam.RolePolicy(
        f"{name}-proxy-policy", role=role.name, policy=policy_document(logs_in), opts=inside
    )
    logs = aws.cloudwatch.LogGroup(
        f"{name}-proxy-logs",
        name=f"/aws/rds/proxy/{identifier}",
        retention_in_days=args.get("log_retention_days", 30),
        opts=inside,
    )
    made = aws.rds.Proxy(
        f"{name}-proxy",
        name=identifier,
        engine_family="POSTGRESQL",
        require_tls=True,
        role_arn=role.arn,
        auths=[_by_password(behind.secret_arn)] if behind.secret_arn is not None else None,
        default_auth_scheme="IAM_AUTH" if uses_tokens(args) else "NONE",
        vpc_subnet_ids=args["subnet_ids"],
        vpc_security_group_ids=[security_group.id],
        opts=_after(inside, permissions, logs),
    )
    targets = aws.rds.ProxyDefaultTargetGroup(
        f"{name}-proxy-targets",
        db_proxy_name=made.name,
        connection_pool_config=aws.rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs(
            max_connections_percent=PROXY_PERCENT,
            # A client that waited longer would have no time left for its statement.
            connection_borrow_timeout=10,
        ),
        opts=inside,
    )
    target = aws.rds.ProxyTarget(
        f"{name}-proxy-target",
        db_proxy_name=made.name,
        target_group_name=targets.name,
        db_cluster_identifier=behind.cluster.cluster_identifier,
        opts=_after(inside, *behind.instances, *way),
    )
    return Entrance(
        # Known once the proxy has somewhere to lead to.
        endpoint=pulumi.Output.all(made.endpoint, target.id).apply(lambda both: str(both[0])),
        user_arn=_user_arn(made.arn, made.arn.apply(_last)),
        connection=Connection(name=f"{name}-proxy", security_group_id=security_group.id, port=PORT),
    )


def _after(inside: pulumi.ResourceOptions, *needed: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[*needed]))


def _by_password(secret_arn: pulumi.Output[str]) -> aws.rds.ProxyAuthArgs:
    return aws.rds.ProxyAuthArgs(
        auth_scheme="SECRETS",
        client_password_auth_type="POSTGRES_SCRAM_SHA_256",  # noqa: S106
        iam_auth="DISABLED",
        secret_arn=secret_arn,
    )


def _user_arn(arn: pulumi.Output[str], resource_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The application's role as IAM names it, in the region and the account of a cluster or proxy."""

    def named(known: Sequence[str]) -> str:
        _, partition, _, region, account, *_ = known[0].split(":")
        return f"arn:{partition}:rds-db:{region}:{account}:dbuser:{known[1]}/{IAM_USER}"

    return pulumi.Output.all(arn, resource_id).apply(named)


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
