"""A function that is put into the database's security group can be reached, and reaches, as the database does."""

import pulumi_aws as aws


def _program(*groups: str) -> None:
    made = {name: aws.ec2.SecurityGroup(name, vpc_id="vpc-0") for name in ("database", "workers")}
    aws.lambda_.Function(
        "worker",
        role="arn:aws:iam::111111111111:role/worker",
        package_type="Image",
        image_uri="image",
        vpc_config={"subnet_ids": ["subnet-0"], "security_group_ids": [made[name].id for name in groups]},
    )


def before() -> None:
    """In its own group."""
    _program("workers")


def after() -> None:
    """In both."""
    _program("workers", "database")


CHANGES: list[str] = ["update aws:lambda/function:Function worker: vpcConfig.securityGroupIds"]
RISKS: list[str] = ["access network-widened worker"]
