"""What the worker and the reaper may do with sandboxes, exactly, for each way of keeping runs apart.

Pure: from ARNs to statements. A worker that was taken over must not be able to make a function that reaches anything,
to pass another role, or to change, invoke or delete anything but sandboxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.grants import Statement, allow, allow_unscoped

RUN_ID, EXPIRES_AT = "plinth:run-id", "plinth:expires-at"
"""The tags of a clone, and the only ones: whose it is, and after when nobody uses it any more."""

_ARE_CLONES = {f"aws:ResourceTag/{RUN_ID}": "false"}
_TAGGED_AS_CLONES = {f"aws:RequestTag/{RUN_ID}": "false", f"aws:RequestTag/{EXPIRES_AT}": "false"}
_LISTS = "{} is of all in the account and region: it knows no resources."


@dataclass(frozen=True)
class Clones:
    """The functions that are made from a template, one a run, and what each of them must be."""

    template_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    layers: Sequence[pulumi.Output[str]]
    vpc_id: pulumi.Output[str]
    subnet_ids: Sequence[pulumi.Output[str]]
    security_group_id: pulumi.Output[str]

    def made_and_run(self) -> list[Statement]:
        """To read the template; to make, invoke and delete its clones; nothing of any other function."""
        return [
            allow(["lambda:GetFunction"], self.template_arn, self._arns),
            # A list holds of a request that lacks the key, so each key is demanded as well.
            allow(
                ["lambda:CreateFunction"],
                self._arns,
                **{
                    "StringEquals": {"lambda:VpcIds": self.vpc_id},
                    "ForAllValues:StringEquals": {
                        "aws:TagKeys": [EXPIRES_AT, RUN_ID],
                        "lambda:Layer": self.layers,
                        "lambda:SecurityGroupIds": self.security_group_id,
                        "lambda:SubnetIds": self.subnet_ids,
                    },
                    "Null": {
                        **_TAGGED_AS_CLONES,
                        "lambda:Layer": "false",
                        "lambda:SecurityGroupIds": "false",
                        "lambda:SubnetIds": "false",
                    },
                },
            ),
            allow(
                ["lambda:TagResource"],
                self._arns,
                **{"ForAllValues:StringEquals": {"aws:TagKeys": [EXPIRES_AT, RUN_ID]}, "Null": _TAGGED_AS_CLONES},
            ),
            allow(["lambda:DeleteFunction", "lambda:InvokeFunction"], self._arns, Null=_ARE_CLONES),
            allow(["lambda:GetLayerVersion"], *self.layers),
            allow(["iam:PassRole"], self.role_arn, StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
            allow_unscoped(
                ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
                within=self.template_arn,
                reason="Lambda asks it of whoever makes a function in a VPC, and EC2 lists know no resources.",
            ),
        ]

    def found_and_deleted(self) -> list[Statement]:
        """To find clones by their tags and to delete them; not to make or to invoke one."""
        return [
            allow(["lambda:GetFunction", "lambda:ListTags"], self._arns),
            allow(["lambda:DeleteFunction"], self._arns, Null=_ARE_CLONES),
            allow_unscoped(
                ["lambda:ListFunctions"], within=self.template_arn, reason=_LISTS.format("The list of functions")
            ),
        ]

    @property
    def _arns(self) -> pulumi.Output[str]:
        return pulumi.Output.concat(self.template_arn, "-run-*")


def tenants_invoked(function_arn: pulumi.Output[str]) -> list[Statement]:
    """To invoke the one function; Lambda makes and ends the environments of its tenants."""
    return [allow(["lambda:InvokeFunction"], function_arn)]


def microvms_run(image_arn: pulumi.Output[str]) -> list[Statement]:
    """To start MicroVMs of one image, to send them requests and to end them. AWS scopes all of these by the image."""
    return [
        allow(
            ["lambda:CreateMicrovmAuthToken", "lambda:GetMicrovm", "lambda:RunMicrovm", "lambda:TerminateMicrovm"],
            image_arn,
        ),
        allow_unscoped(
            ["lambda:PassNetworkConnector"],
            within=image_arn,
            reason="RunMicrovm asks it of whoever names a connector, and it knows no resources.",
        ),
    ]


def microvms_found_and_terminated(image_arn: pulumi.Output[str]) -> list[Statement]:
    """To find MicroVMs and to end those of one image."""
    return [
        allow(["lambda:GetMicrovm", "lambda:TerminateMicrovm"], image_arn),
        allow_unscoped(["lambda:ListMicrovms"], within=image_arn, reason=_LISTS.format("The list of MicroVMs")),
    ]
