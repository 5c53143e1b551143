"""One permissions boundary for all roles of a program, put on them from outside, whoever makes them."""

from typing import Any, cast

import pulumi

from components.deploy_role import DeployRole

_ROLE = "aws:iam/role:Role"


def bound_roles(boundary_arn: str) -> None:
    """From here on, gives every role that the program makes this boundary, whatever else was given for it.

    The roles of `DeployRole` have none: they change roles, which is what a boundary is to keep the others from, and
    they may change neither themselves nor a policy.
    """

    def bound(made: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if made.type_ != _ROLE or isinstance(made.opts.parent, DeployRole):
            return None
        props = {**cast("dict[str, Any]", made.props), "permissions_boundary": boundary_arn}
        return pulumi.ResourceTransformationResult(props=props, opts=made.opts)

    # The program's own transformations come last, after those of components and of `adjust`.
    pulumi.runtime.register_stack_transformation(bound)
