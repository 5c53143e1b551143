"""A sandbox nothing can be reached from, and the exact rights of the one that runs code in it."""

import json
from typing import Any

import pulumi
import pytest

from components.sandbox_function import SandboxFunction, SandboxFunctionArgs
from tests.support.evaluation import deploy, inputs, policy, registered
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

TEMPLATE = "arn:aws:lambda:eu-central-1:111111111111:function:plinth-test-sandbox"
ROLE = "arn:aws:iam::111111111111:role/plinth-test-sandbox"


def arguments(**more: Any) -> SandboxFunctionArgs:
    merged: Any = {
        "account_id": "111111111111",
        "availability_zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        "code": pulumi.FileArchive("app-0123456789abcdef"),
        "layers": ["arn:layer:1"],
        "handler": "sandbox_lambda.handler.handle",
        **more,
    }
    return merged


def deployed(**more: Any) -> Manifest:
    return deploy(lambda: SandboxFunction("sandbox", arguments(**more)))


def test_it_is_a_function_alone_in_a_network_without_a_way_out() -> None:
    manifest = deployed()
    assert registered(manifest) == [
        "plinth:index:SandboxFunction$aws:cloudwatch/logGroup:LogGroup::sandbox-logs",
        "plinth:index:SandboxFunction$aws:ec2/securityGroup:SecurityGroup::sandbox-security-group",
        "plinth:index:SandboxFunction$aws:ec2/subnet:Subnet::sandbox-subnet-eu-central-1a",
        "plinth:index:SandboxFunction$aws:ec2/subnet:Subnet::sandbox-subnet-eu-central-1b",
        "plinth:index:SandboxFunction$aws:ec2/vpc:Vpc::sandbox-vpc",
        "plinth:index:SandboxFunction$aws:iam/role:Role::sandbox-role",
        "plinth:index:SandboxFunction$aws:iam/rolePolicy:RolePolicy::sandbox-policy",
        "plinth:index:SandboxFunction$aws:iam/rolePolicyAttachment:RolePolicyAttachment::sandbox-network-interfaces",
        "plinth:index:SandboxFunction$aws:lambda/function:Function::sandbox",
        "plinth:index:SandboxFunction::sandbox",
    ]
    assert inputs(manifest, "aws:ec2/vpc:Vpc", "sandbox-vpc") == {
        "cidrBlock": "10.255.0.0/24",
        "enableDnsHostnames": False,
        "enableDnsSupport": False,
    }
    assert inputs(manifest, "aws:ec2/securityGroup:SecurityGroup", "sandbox-security-group") == {
        "description": "Untrusted code: nothing in, nothing out",
        "vpcId": "${aws:ec2/vpc:Vpc::sandbox-vpc.id}",
        "ingress": [],
        "egress": [],
    }
    subnets = [each.inputs for each in manifest.of_type("aws:ec2/subnet:Subnet")]
    assert {subnet["availabilityZone"]: subnet["cidrBlock"] for subnet in subnets} == {
        "eu-central-1a": "10.255.0.0/25",
        "eu-central-1b": "10.255.0.128/25",
    }


def test_its_role_is_for_lambda_alone_and_denies_everything_inside() -> None:
    manifest = deployed()
    role = inputs(manifest, "aws:iam/role:Role", "sandbox-role")
    assert json.loads(role.pop("assumeRolePolicy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}},
            }
        ],
    }
    assert role == {"name": "plinth-test-sandbox"}
    assert policy(manifest, "sandbox-policy") == [
        {
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        }
    ]
    assert inputs(manifest, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "sandbox-network-interfaces") == {
        "role": "plinth-test-sandbox",
        "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess",
    }


def test_the_template_has_the_runner_no_environment_and_small_limits() -> None:
    manifest = deployed()
    function = inputs(manifest, "aws:lambda/function:Function", "sandbox")
    assert function == {
        "code": {"archive": "sha256:0123456789abcdef"},
        "name": "plinth-test-sandbox",
        "role": ROLE,
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "sandbox_lambda.handler.handle",
        "layers": ["arn:layer:1"],
        "memorySize": 512,
        "timeout": 20,
        "ephemeralStorage": {"size": 512},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/plinth-test-sandbox"},
        "vpcConfig": {
            "subnetIds": [
                "${aws:ec2/subnet:Subnet::sandbox-subnet-eu-central-1a.id}",
                "${aws:ec2/subnet:Subnet::sandbox-subnet-eu-central-1b.id}",
            ],
            "securityGroupIds": ["${aws:ec2/securityGroup:SecurityGroup::sandbox-security-group.id}"],
        },
        "replaceSecurityGroupsOnDestroy": True,
    }
    assert inputs(manifest, "aws:cloudwatch/logGroup:LogGroup", "sandbox-logs") == {
        "name": "/aws/lambda/plinth-test-sandbox",
        "retentionInDays": 3,
    }


def test_the_worker_may_run_code_in_clones_and_nowhere_else() -> None:
    manifest = deploy(lambda: pulumi.export("grant", SandboxFunction("sandbox", arguments()).runs()))
    assert manifest.outputs["grant"] == {
        "environment": {"SANDBOX_FUNCTION": "plinth-test-sandbox"},
        "statements": [
            {"actions": ["lambda:GetFunctionConfiguration"], "resources": [TEMPLATE]},
            {
                "actions": [
                    "lambda:CreateFunction",
                    "lambda:DeleteFunction",
                    "lambda:GetFunctionConfiguration",
                    "lambda:InvokeFunction",
                    "lambda:TagResource",
                ],
                "resources": [f"{TEMPLATE}-run-*"],
            },
            {"actions": ["lambda:GetLayerVersion"], "resources": ["arn:layer:1"]},
            {
                "actions": ["iam:PassRole"],
                "resources": [ROLE],
                "conditions": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
            },
            {
                "actions": ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
                "resources": ["*"],
                "reason": "Lambda asks it of whoever makes a function in a VPC, and EC2 lists know no resources.",
            },
        ],
    }


def test_a_clones_name_fits_however_long_the_sandboxes_is() -> None:
    manifest = deploy(lambda: SandboxFunction("sandbox-for-the-other-automations", arguments()))
    (function,) = manifest.of_type("aws:lambda/function:Function")
    clone = f"{function.inputs['name']}-run-{'0' * 32}"
    assert len(clone) == 64


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"isolation": "microvm"}, "isolation 'microvm' does not exist: give 'ephemeral'"),
        ({"availability_zones": ["eu-central-1a"]}, "give two different availability zones"),
        ({"availability_zones": ["eu-central-1a", "eu-central-1a"]}, "give two different availability zones"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert f"SandboxFunction 'sandbox': {message}." in str(refused.value)
