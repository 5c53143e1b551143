"""A role, a function, a layer and a topic hold nothing that the program does not say."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """All of them."""
    role = aws.iam.Role("role", name="role", assume_role_policy="{}")
    layer = aws.lambda_.LayerVersion(
        "layer", layer_name="layer", code=pulumi.AssetArchive({"one.txt": pulumi.StringAsset("1")})
    )
    aws.lambda_.Function("function", name="function", role=role.arn, layers=[layer.arn])
    aws.sns.Topic("topic", name="topic")


def after() -> None:
    """None."""


CHANGES = [
    "delete aws:iam/role:Role role",
    "delete aws:lambda/function:Function function",
    "delete aws:lambda/layerVersion:LayerVersion layer",
    "delete aws:sns/topic:Topic topic",
]
RISKS: list[str] = []
