"""A MicroVM image is built from one object by a role that reads only that, and its MicroVMs lead nowhere."""

import json
from typing import Any

import pulumi
import pytest

from components.sandbox_image import SandboxImage, SandboxImageArgs
from tests.support.evaluation import deploy, inputs, names_of, policy, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

IMAGE, CONNECTOR = "aws:lambdamicrovms/image:Image", "aws:lambda/coreNetworkConnector:CoreNetworkConnector"
ACCOUNT, REGION = "111111111111", "eu-west-1"
BUCKET = f"plinth-test-image-code-{ACCOUNT}"
SUBNETS = ["arn:aws:ec2:::subnet/subnet-1", "arn:aws:ec2:::subnet/subnet-2"]


def deployed(**more: Any) -> Manifest:
    args: Any = {
        "region": REGION,
        "account_id": ACCOUNT,
        "code": pulumi.FileArchive("sandbox-image-0123456789abcdef"),
        "subnet_ids": ["subnet-1", "subnet-2"],
        "subnet_arns": SUBNETS,
        "security_group_id": "sg-1",
        "security_group_arn": "arn:aws:ec2:::security-group/sg-1",
        **more,
    }
    given: SandboxImageArgs = args
    return deploy(lambda: SandboxImage("image", given))


def trusts(manifest: Manifest, role: str) -> dict[str, Any]:
    (statement,) = json.loads(inputs(manifest, "aws:iam/role:Role", role)["assumeRolePolicy"])["Statement"]
    return statement


def test_it_is_an_image_the_code_it_is_built_from_and_a_connector() -> None:
    assert registered(deployed()) == [
        "plinth:index:SandboxImage$aws:cloudwatch/logGroup:LogGroup::image-build-logs",
        "plinth:index:SandboxImage$aws:cloudwatch/logGroup:LogGroup::image-logs",
        "plinth:index:SandboxImage$aws:iam/role:Role::image-build-role",
        "plinth:index:SandboxImage$aws:iam/role:Role::image-connector-role",
        "plinth:index:SandboxImage$aws:iam/rolePolicy:RolePolicy::image-build-policy",
        "plinth:index:SandboxImage$aws:iam/rolePolicy:RolePolicy::image-connector-policy",
        "plinth:index:SandboxImage$aws:lambda/coreNetworkConnector:CoreNetworkConnector::image-connector",
        "plinth:index:SandboxImage$aws:lambdamicrovms/image:Image::image",
        "plinth:index:SandboxImage$aws:s3/bucket:Bucket::image-code",
        "plinth:index:SandboxImage$aws:s3/bucketObjectv2:BucketObjectv2::image-code-object",
        "plinth:index:SandboxImage$aws:s3/bucketPolicy:BucketPolicy::image-code-policy",
        "plinth:index:SandboxImage$aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::image-code-is-private",
        "plinth:index:SandboxImage::image",
    ]


def test_the_image_changes_when_the_code_does_and_brings_nothing_else() -> None:
    manifest = deployed()
    assert inputs(manifest, IMAGE, "image") == {
        "name": "plinth-test-image",
        "description": "Runs one script of untrusted code",
        "baseImageArn": f"arn:aws:lambda:{REGION}:aws:microvm-image:al2023-1",
        "buildRoleArn": f"arn:aws:iam::{ACCOUNT}:role/plinth-test-image-build",
        "codeArtifact": {"uri": f"s3://{BUCKET}/sandbox-image-0123456789abcdef.zip"},
        "cpuConfigurations": [{"architecture": "arm64"}],
    }
    assert "image-build-policy" in names_of(resource(manifest, IMAGE, "image"))


def test_the_code_lies_in_a_private_bucket() -> None:
    manifest = deployed()
    assert inputs(manifest, "aws:s3/bucket:Bucket", "image-code") == {"bucket": BUCKET, "forceDestroy": True}
    assert inputs(manifest, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "image-code-is-private") == {
        "bucket": BUCKET,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    only = resource(manifest, "aws:s3/bucketPolicy:BucketPolicy", "image-code-policy")
    assert names_of(only) == {"image-code", "image-code-is-private"}
    assert only.inputs["bucket"] == BUCKET
    assert json.loads(only.inputs["policy"])["Statement"] == [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    assert inputs(manifest, "aws:s3/bucketObjectv2:BucketObjectv2", "image-code-object") == {
        "bucket": BUCKET,
        "key": "sandbox-image-0123456789abcdef.zip",
        "source": {"archive": "sha256:0123456789abcdef"},
    }
    code = resource(manifest, "aws:s3/bucketObjectv2:BucketObjectv2", "image-code-object")
    assert names_of(code) == {"image-code", "image-code-is-private"}


def test_the_build_reads_that_object_and_writes_its_log() -> None:
    manifest = deployed(log_retention_days=7)
    logs = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:/aws"
    assert policy(manifest, "image-build-policy") == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"{logs}/lambda-microvms/plinth-test-image:*", f"{logs}/lambda/microvms/plinth-test-image:*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/sandbox-image-0123456789abcdef.zip"],
        },
    ]
    groups = manifest.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert {each.inputs["name"]: each.inputs["retentionInDays"] for each in groups} == {
        "/aws/lambda-microvms/plinth-test-image": 7,
        "/aws/lambda/microvms/plinth-test-image": 7,
    }
    assert trusts(manifest, "image-build-role") == {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:microvm-image:plinth-test-image*"},
        },
    }


def test_the_connector_leads_into_the_given_network_and_makes_interfaces_nowhere_else() -> None:
    manifest = deployed()
    assert inputs(manifest, CONNECTOR, "image-connector") == {
        "name": "plinth-test-image-connector",
        "operatorRole": f"arn:aws:iam::{ACCOUNT}:role/plinth-test-image-connector",
        "configuration": {
            "vpcEgressConfiguration": {
                "associatedComputeResourceTypes": ["MicroVm"],
                "networkProtocol": "IPv4",
                "subnetIds": ["subnet-1", "subnet-2"],
                "securityGroupIds": ["sg-1"],
            }
        },
    }
    interfaces, connectors = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/*", "network-connectors.lambda"
    assert policy(manifest, "image-connector-policy") == [
        {
            "Effect": "Allow",
            "Action": ["ec2:CreateNetworkInterface"],
            "Resource": ["arn:aws:ec2:::security-group/sg-1", *SUBNETS, interfaces],
        },
        {
            "Effect": "Allow",
            "Action": ["ec2:CreateTags"],
            "Resource": [interfaces],
            "Condition": {"StringEquals": {"ec2:ManagedResourceOperator": f"{connectors}.amazonaws.com"}},
        },
    ]
    assert trusts(manifest, "image-connector-role") == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": f"{connectors}.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    assert "image-connector-policy" in names_of(resource(manifest, CONNECTOR, "image-connector"))


def test_code_that_is_no_folder_is_refused() -> None:
    with pytest.raises(ProgramError, match="SandboxImage 'image': give a folder as its code, named after its content"):
        deployed(code=pulumi.AssetArchive({}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"region": "eu"}, "region is 'eu': give a region such as 'eu-central-1'."),
        ({"account_id": "1"}, "account_id is '1': give the 12 digits of an AWS account, in quotes."),
        ({"log_retention_days": 2}, "log_retention_days is 2: give one of 1, 3, 5, "),
    ],
)
def test_a_wrong_argument_is_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert f"SandboxImage 'image': {message}" in str(refused.value)
