"""A policy of AWS's own gives what nobody here can read; some give everything."""

import pulumi_aws as aws

from tests.support.roles import role


def before() -> None:
    """A role without permissions."""
    role("worker")


def after() -> None:
    """Two of AWS's policies."""
    worker = role("worker")
    for name in ("AdministratorAccess", "AWSXRayDaemonWriteAccess"):
        aws.iam.RolePolicyAttachment(name, role=worker.name, policy_arn=f"arn:aws:iam::aws:policy/{name}")


CHANGES: list[str] = [
    "create aws:iam/rolePolicyAttachment:RolePolicyAttachment AWSXRayDaemonWriteAccess",
    "create aws:iam/rolePolicyAttachment:RolePolicyAttachment AdministratorAccess",
]
RISKS: list[str] = ["access iam-any-resource AdministratorAccess", "access iam-widened AWSXRayDaemonWriteAccess"]
