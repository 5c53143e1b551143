"""The image that MicroVMs run untrusted code from, and the one way out that they get: into a sealed network."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs
from components.grants import allow, policy_document
from components.naming import physical_name
from components.packaging import ARCHITECTURE
from components.rules import account, check, region, retention
from components.transport import tls_only
from components.trust import trust

_NAME_LIMIT = 50
"""A bucket's name ends in `-<12 digits of the account>`, and S3 allows it 63 characters."""

LOG_RETENTION_DAYS = 3
"""The default for logs that get next to nothing."""

_RULES = {"region": region(), "account_id": account(), "log_retention_days": retention()}

_CONNECTORS = "network-connectors.lambda.amazonaws.com"


class SandboxImageArgs(ComponentArgs):
    region: str
    """The AWS region; MicroVMs are not offered in all of them."""

    account_id: str
    """The AWS account. Only Lambda acting for it may use the roles."""

    code: pulumi.Archive
    """What the image is built from: a folder with a Dockerfile, named after its content (`components.packaging`)."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Where what MicroVMs send comes out: subnets that lead nowhere."""

    subnet_arns: pulumi.Input[Sequence[str]]
    """The ARNs of the same subnets."""

    security_group_id: pulumi.Input[str]
    """The security group of what MicroVMs send: one without rules."""

    security_group_arn: pulumi.Input[str]
    """The ARN of the same security group."""

    log_retention_days: NotRequired[int]
    """Days that the output of builds is kept. Default 3."""


class SandboxImage(Component):
    """A MicroVM image, the bucket that it is built from, and a network connector for the MicroVMs.

    AWS builds the image from the Dockerfile in the code, starts its server, and takes a snapshot; a MicroVM starts
    from that. A change of the code is another object in the bucket, and so a new version of the image.

    Defaults: arm64, 2 GB and one processor, which is what AWS takes where nothing is said.
    Cost: 0.0000276944 USD a processor and second and 0.0000036667 USD a GB and second while a MicroVM runs (us-east-1):
    2 seconds with one processor and 2 GB are about 0.00007 USD. The image is 0.08 USD a GB and month, and reading it at
    each start is charged by the GB; nothing else while idle.
    Security: MicroVMs get no role, so there are no credentials in them and no logs of what runs there. The connector
    leads into the sealed network, and replaces the internet access that AWS gives MicroVMs by default: whoever starts
    one must name it. The build runs with internet access and a role that reads this one object and writes the log of
    builds; nothing that is known only later, such as a secret, may be in the code.
    """

    name: pulumi.Output[str]
    """The image's name."""

    arn: pulumi.Output[str]
    """The image, without a version: MicroVMs start from the latest."""

    egress_connector_arn: pulumi.Output[str]
    """The connector that every MicroVM must be started with."""

    def __init__(self, name: str, args: SandboxImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        self._inside = pulumi.ResourceOptions(parent=self)
        physical = physical_name(name)
        uri, readable = self._artifact(name, args)
        build_role, allowed = self._build_role(name, physical, args, readable)
        image = aws.lambdamicrovms.Image(
            name,
            name=physical,
            description="Runs one script of untrusted code",
            base_image_arn=f"arn:aws:lambda:{args['region']}:aws:microvm-image:al2023-1",
            build_role_arn=build_role.arn,
            code_artifact=aws.lambdamicrovms.ImageCodeArtifactArgs(uri=uri),
            cpu_configurations=[aws.lambdamicrovms.ImageCpuConfigurationArgs(architecture=ARCHITECTURE)],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )

        self.name = image.name
        self.arn = image.arn
        self.egress_connector_arn = self._connector(name, args).arn
        self.register_outputs({"name": self.name, "arn": self.arn, "egress_connector_arn": self.egress_connector_arn})

    def _artifact(self, name: str, args: SandboxImageArgs) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Where the code lies for the build to read: its address and its ARN."""
        code = args["code"]
        if not isinstance(code, pulumi.FileArchive):
            raise ValueError(f"SandboxImage {name!r}: give a folder as its code, named after its content.")
        bucket = aws.s3.Bucket(
            f"{name}-code",
            bucket=f"{physical_name(f'{name}-code', _NAME_LIMIT)}-{args['account_id']}",
            # All that is in it comes from the repository.
            force_destroy=True,
            opts=self._inside,
        )
        private = aws.s3.BucketPublicAccessBlock(
            f"{name}-code-is-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._inside,
        )
        aws.s3.BucketPolicy(
            f"{name}-code-policy",
            bucket=bucket.bucket,
            policy=bucket.arn.apply(lambda arn: tls_only("s3", arn, f"{arn}/*")),
            # S3 makes up its mind on both at once and refuses one of them.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[private]),
        )
        code_object = aws.s3.BucketObjectv2(
            f"{name}-code-object",
            bucket=bucket.bucket,
            # The content's name: the image is built anew when its address changes, and only then.
            key=f"{PurePath(code.path).name}.zip",
            source=code,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[private]),
        )
        return (
            pulumi.Output.concat("s3://", bucket.bucket, "/", code_object.key),
            pulumi.Output.concat(bucket.arn, "/", code_object.key),
        )

    def _build_role(
        self, name: str, physical: str, args: SandboxImageArgs, readable: pulumi.Output[str]
    ) -> tuple[aws.iam.Role, pulumi.Resource]:
        """The role that builds the image, and what lets it."""
        role = aws.iam.Role(
            f"{name}-build-role",
            name=physical_name(f"{name}-build"),
            assume_role_policy=trust(
                "lambda.amazonaws.com",
                args["account_id"],
                source_arn=f"arn:aws:lambda:{args['region']}:{args['account_id']}:microvm-image:{physical}*",
                tags_sessions=True,
            ),
            opts=self._inside,
        )
        # AWS's documents call the group of an image's builds the first, and its service writes to the second.
        log_groups = [
            aws.cloudwatch.LogGroup(
                f"{name}-{suffix}",
                name=f"{prefix}/{physical}",
                retention_in_days=args.get("log_retention_days", LOG_RETENTION_DAYS),
                opts=self._inside,
            )
            for suffix, prefix in (("logs", "/aws/lambda-microvms"), ("build-logs", "/aws/lambda/microvms"))
        ]
        policy = aws.iam.RolePolicy(
            f"{name}-build-policy",
            role=role.name,
            policy=policy_document(
                [
                    allow(["s3:GetObject"], readable),
                    allow(
                        ["logs:CreateLogStream", "logs:PutLogEvents"],
                        *[pulumi.Output.concat(group.arn, ":*") for group in log_groups],
                    ),
                ]
            ),
            opts=self._inside,
        )
        return role, policy

    def _connector(self, name: str, args: SandboxImageArgs) -> aws.lambda_.CoreNetworkConnector:
        role = aws.iam.Role(
            f"{name}-connector-role",
            name=physical_name(f"{name}-connector"),
            assume_role_policy=trust(_CONNECTORS, args["account_id"]),
            opts=self._inside,
        )
        interfaces = f"arn:aws:ec2:{args['region']}:{args['account_id']}:network-interface/*"
        subnets = pulumi.Output.from_input(args["subnet_arns"])
        policy = aws.iam.RolePolicy(
            f"{name}-connector-policy",
            role=role.name,
            policy=policy_document(
                [
                    allow(
                        ["ec2:CreateNetworkInterface"],
                        interfaces,
                        args["security_group_arn"],
                        *[subnets[index] for index in range(2)],
                    ),
                    allow(["ec2:CreateTags"], interfaces, StringEquals={"ec2:ManagedResourceOperator": _CONNECTORS}),
                ]
            ),
            opts=self._inside,
        )
        return aws.lambda_.CoreNetworkConnector(
            f"{name}-connector",
            name=physical_name(f"{name}-connector"),
            operator_role=role.arn,
            configuration=aws.lambda_.CoreNetworkConnectorConfigurationArgs(
                vpc_egress_configuration=aws.lambda_.CoreNetworkConnectorConfigurationVpcEgressConfigurationArgs(
                    associated_compute_resource_types=["MicroVm"],
                    network_protocol="IPv4",
                    subnet_ids=args["subnet_ids"],
                    security_group_ids=[args["security_group_id"]],
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
