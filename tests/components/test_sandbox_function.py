"""What runs untrusted code with each isolation, and the exact rights of those that run it and clear up after it."""

import json
from typing import Any

import pulumi
import pytest

from components.grants import policy_document
from components.sandbox_function import ENDPOINTS, ISOLATIONS, SandboxFunction, SandboxFunctionArgs
from tests.support.evaluation import anywhere, deploy, inputs, names_of, policy, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

FUNCTION = "aws:lambda/function:Function"
TEMPLATE = "arn:aws:lambda:eu-central-1:111111111111:function:plinth-test-sandbox"
CLONES = f"{TEMPLATE}-run-*"
LAYER = "arn:aws:lambda:eu-central-1:111111111111:layer:plinth-test-sandbox-runner:1"
ROLE = "arn:aws:iam::111111111111:role/plinth-test-sandbox"
IMAGE = "arn:aws:lambda:eu-central-1:111111111111:microvm-image:plinth-test-sandbox-image"
CONNECTOR = "arn:aws:lambda:eu-central-1:111111111111:network-connector:plinth-test-sandbox-image-connector"
VPC = "${aws:ec2/vpc:Vpc::sandbox-network-vpc.id}"
SUBNETS = [f"${{aws:ec2/subnet:Subnet::sandbox-network-subnet-eu-central-1{zone}.id}}" for zone in "ab"]
GROUP = "${aws:ec2/securityGroup:SecurityGroup::sandbox-network-security-group.id}"
RUN_ID, EXPIRES_AT = "plinth:run-id", "plinth:expires-at"


def arguments(**more: Any) -> SandboxFunctionArgs:
    merged: Any = {
        "region": "eu-central-1",
        "account_id": "111111111111",
        "availability_zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        "code": pulumi.FileArchive("app-0123456789abcdef"),
        "runner": pulumi.FileArchive("runner-0123456789abcdef"),
        "handler": "sandbox_lambda.handler.handle",
        "image": pulumi.FileArchive("image-0123456789abcdef"),
        **more,
    }
    return merged


def deployed(**more: Any) -> Manifest:
    return deploy(lambda: SandboxFunction("sandbox", arguments(**more)))


def rights(**more: Any) -> dict[str, list[dict[str, Any]]]:
    """The statements of the worker's and of the reaper's policy, as IAM gets them."""

    def program() -> None:
        sandbox = SandboxFunction("sandbox", arguments(**more))
        for who, grant in {"worker": sandbox.runs(), "reaper": sandbox.reaps()}.items():
            pulumi.export(who, policy_document(grant.get("statements", ())))

    return {who: json.loads(document)["Statement"] for who, document in deploy(program).outputs.items()}


def environment(**more: Any) -> dict[str, dict[str, str]]:
    """The variables of the worker and of the reaper."""

    def program() -> None:
        sandbox = SandboxFunction("sandbox", arguments(**more))
        pulumi.export("worker", sandbox.runs().get("environment"))
        pulumi.export("reaper", sandbox.reaps().get("environment"))

    return {**deploy(program).outputs}


def outside_the_network(manifest: Manifest) -> list[str]:
    return [each for each in registered(manifest) if "plinth:index:SealedNetwork$" not in each]


def test_a_function_is_made_of_a_layer_a_role_and_a_log_in_a_sealed_network() -> None:
    assert outside_the_network(deployed()) == [
        "plinth:index:SandboxFunction$aws:cloudwatch/logGroup:LogGroup::sandbox-logs",
        "plinth:index:SandboxFunction$aws:iam/role:Role::sandbox-role",
        "plinth:index:SandboxFunction$aws:iam/rolePolicy:RolePolicy::sandbox-policy",
        "plinth:index:SandboxFunction$aws:iam/rolePolicyAttachment:RolePolicyAttachment::sandbox-network-interfaces",
        "plinth:index:SandboxFunction$aws:lambda/function:Function::sandbox",
        "plinth:index:SandboxFunction$aws:lambda/layerVersion:LayerVersion::sandbox-runner",
        "plinth:index:SandboxFunction$plinth:index:SealedNetwork::sandbox-network",
        "plinth:index:SandboxFunction::sandbox",
    ]
    assert outside_the_network(deployed(isolation="tenant")) == outside_the_network(deployed())


def test_the_runner_is_a_layer() -> None:
    assert inputs(deployed(), "aws:lambda/layerVersion:LayerVersion", "sandbox-runner") == {
        "layerName": "plinth-test-sandbox-runner",
        "code": {"archive": "sha256:0123456789abcdef"},
        "compatibleArchitectures": ["arm64"],
        "compatibleRuntimes": ["python3.13"],
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


def function_of(**more: Any) -> dict[str, Any]:
    return inputs(deployed(**more), FUNCTION, "sandbox")


def test_the_template_has_the_runner_no_environment_small_limits_and_is_never_run_itself() -> None:
    assert function_of() == {
        "code": {"archive": "sha256:0123456789abcdef"},
        "name": "plinth-test-sandbox",
        "role": ROLE,
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "sandbox_lambda.handler.handle",
        "layers": [LAYER],
        "memorySize": 512,
        "timeout": 20,
        "ephemeralStorage": {"size": 512},
        "reservedConcurrentExecutions": 0,
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/plinth-test-sandbox"},
        "vpcConfig": {"subnetIds": SUBNETS, "securityGroupIds": [GROUP]},
        "replaceSecurityGroupsOnDestroy": True,
    }
    assert inputs(deployed(), "aws:cloudwatch/logGroup:LogGroup", "sandbox-logs") == {
        "name": "/aws/lambda/plinth-test-sandbox",
        "retentionInDays": 3,
    }


@pytest.mark.parametrize("reserved", [None, 25])
def test_a_function_of_tenants_shares_no_environment_between_them(reserved: int | None) -> None:
    template, function = function_of(), function_of(isolation="tenant", reserved_concurrency=reserved)
    assert function.pop("tenancyConfig") == {"tenantIsolationMode": "PER_TENANT"}
    assert function.pop("reservedConcurrentExecutions", None) == reserved
    del template["reservedConcurrentExecutions"]
    assert function == template


def test_another_isolation_frees_the_functions_name_before_it_is_taken_again() -> None:
    assert resource(deployed(isolation="tenant"), FUNCTION, "sandbox").delete_before_replace


def test_a_microvm_starts_from_an_image_without_a_function() -> None:
    assert [each for each in outside_the_network(deployed(isolation="microvm")) if "SandboxImage$" not in each] == [
        "plinth:index:SandboxFunction$plinth:index:SandboxImage::sandbox-image",
        "plinth:index:SandboxFunction$plinth:index:SealedNetwork::sandbox-network",
        "plinth:index:SandboxFunction::sandbox",
    ]


def test_the_function_is_made_after_its_role_and_its_whole_network() -> None:
    assert names_of(resource(deployed(), FUNCTION, "sandbox")) == {
        "sandbox-role",
        "sandbox-policy",
        "sandbox-network-interfaces",
        "sandbox-logs",
        "sandbox-runner",
        "sandbox-network-vpc",
        "sandbox-network-subnet-eu-central-1a",
        "sandbox-network-subnet-eu-central-1b",
        "sandbox-network-security-group",
        "sandbox-network-default-security-group",
        "sandbox-network-default-network-acl",
        "sandbox-network-default-route-table",
    }


DESCRIBES = anywhere("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
PASSES = {
    "Effect": "Allow",
    "Action": ["iam:PassRole"],
    "Resource": [ROLE],
    "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
}
MAKES = {
    "Effect": "Allow",
    "Action": ["lambda:CreateFunction"],
    "Resource": [CLONES],
    "Condition": {
        "StringEquals": {"lambda:VpcIds": VPC},
        "ForAllValues:StringEquals": {
            "aws:TagKeys": [EXPIRES_AT, RUN_ID],
            "lambda:Layer": LAYER,
            "lambda:SecurityGroupIds": GROUP,
            "lambda:SubnetIds": SUBNETS,
        },
        "Null": {
            f"aws:RequestTag/{RUN_ID}": "false",
            f"aws:RequestTag/{EXPIRES_AT}": "false",
            "lambda:Layer": "false",
            "lambda:SecurityGroupIds": "false",
            "lambda:SubnetIds": "false",
        },
    },
}
TAGS = {
    "Effect": "Allow",
    "Action": ["lambda:TagResource"],
    "Resource": [CLONES],
    "Condition": {
        "ForAllValues:StringEquals": {"aws:TagKeys": [EXPIRES_AT, RUN_ID]},
        "Null": {f"aws:RequestTag/{RUN_ID}": "false", f"aws:RequestTag/{EXPIRES_AT}": "false"},
    },
}
IS_A_CLONE = {"Null": {f"aws:ResourceTag/{RUN_ID}": "false"}}


def test_the_worker_may_make_run_and_delete_clones_and_do_nothing_else() -> None:
    assert rights()["worker"] == [
        DESCRIBES,
        PASSES,
        MAKES,
        {
            "Effect": "Allow",
            "Action": ["lambda:DeleteFunction", "lambda:InvokeFunction"],
            "Resource": [CLONES],
            "Condition": IS_A_CLONE,
        },
        {"Effect": "Allow", "Action": ["lambda:GetFunction"], "Resource": [TEMPLATE, CLONES]},
        {"Effect": "Allow", "Action": ["lambda:GetLayerVersion"], "Resource": [LAYER]},
        TAGS,
    ]


def test_the_reaper_may_find_and_delete_clones_and_do_nothing_else() -> None:
    assert rights()["reaper"] == [
        {"Effect": "Allow", "Action": ["lambda:DeleteFunction"], "Resource": [CLONES], "Condition": IS_A_CLONE},
        {"Effect": "Allow", "Action": ["lambda:GetFunction", "lambda:ListTags"], "Resource": [CLONES]},
        anywhere("lambda:ListFunctions"),
    ]


def test_a_condition_on_all_values_of_a_key_demands_the_key_too() -> None:
    """`ForAllValues` holds of a request without the key: of one that names no layer, or no network, for instance."""
    conditions = [each["Condition"] for each in rights()["worker"] if "ForAllValues" in str(each.get("Condition"))]
    assert len(conditions) == 2
    for condition in conditions:
        demanded = {key.partition("/")[0].replace("RequestTag", "TagKeys") for key in condition["Null"]}
        assert set(condition["ForAllValues:StringEquals"]) == demanded


def test_with_tenants_the_worker_may_invoke_the_function_and_the_reaper_nothing() -> None:
    assert rights(isolation="tenant") == {
        "worker": [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [TEMPLATE]}],
        "reaper": [],
    }


def test_with_microvms_both_may_use_those_of_the_one_image() -> None:
    used = ["lambda:CreateMicrovmAuthToken", "lambda:GetMicrovm", "lambda:RunMicrovm", "lambda:TerminateMicrovm"]
    assert rights(isolation="microvm") == {
        "worker": [
            {"Effect": "Allow", "Action": used, "Resource": [IMAGE]},
            anywhere("lambda:PassNetworkConnector"),
        ],
        "reaper": [
            {"Effect": "Allow", "Action": ["lambda:GetMicrovm", "lambda:TerminateMicrovm"], "Resource": [IMAGE]},
            anywhere("lambda:ListMicrovms"),
        ],
    }


@pytest.mark.parametrize(
    ("isolation", "known"),
    [
        ("ephemeral", {"SANDBOX_FUNCTION": "plinth-test-sandbox"}),
        ("tenant", {"SANDBOX_FUNCTION": "plinth-test-sandbox"}),
        ("microvm", {"SANDBOX_IMAGE": IMAGE, "SANDBOX_EGRESS_CONNECTOR": CONNECTOR}),
    ],
)
def test_both_are_told_where_code_runs_and_how(isolation: str, known: dict[str, str]) -> None:
    told = {"SANDBOX_ISOLATION": isolation, **known}
    assert environment(isolation=isolation) == {"worker": told, "reaper": told}


def test_each_isolation_says_which_services_it_takes() -> None:
    assert dict(ENDPOINTS) == {
        "ephemeral": ("lambda",),
        "tenant": ("lambda",),
        "microvm": ("lambda", "lambda-microvm"),
    }
    assert tuple(ENDPOINTS) == ISOLATIONS


def test_a_clones_name_fits_however_long_the_sandboxes_is() -> None:
    manifest = deploy(lambda: SandboxFunction("sandbox-for-the-other-automations", arguments()))
    (function,) = manifest.of_type(FUNCTION)
    clone = f"{function.inputs['name']}-run-{'0' * 32}"
    assert len(clone) == 64


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"isolation": "subprocess"},
            (
                "SandboxFunction 'sandbox': isolation is 'subprocess': give 'ephemeral' or 'tenant' or 'microvm', "
                "and never a subprocess of the worker, which has its rights and network."
            ),
        ),
        (
            {"reserved_concurrency": 5},
            (
                "SandboxFunction 'sandbox': reserved_concurrency is 5: "
                "give nothing, since it is for 'tenant' and isolation is 'ephemeral'."
            ),
        ),
        ({"region": "eu"}, "SandboxFunction 'sandbox': region is 'eu': give a region such as 'eu-central-1'."),
        ({"account_id": 1}, "SandboxFunction 'sandbox': account_id is 1: give the 12 digits of an AWS account, in q"),
        ({"handler": "handle"}, "SandboxFunction 'sandbox': handler is 'handle': give a dotted path that ends in "),
        ({"memory_mb": 127}, "SandboxFunction 'sandbox': memory_mb is 127: give a whole number from 128 to 10240."),
        ({"timeout_seconds": 901}, "SandboxFunction 'sandbox': timeout_seconds is 901: give a whole number from 1 "),
        ({"storage_mb": 511}, "SandboxFunction 'sandbox': storage_mb is 511: give a whole number from 512 to 10240."),
        (
            {"isolation": "tenant", "reserved_concurrency": -1},
            "SandboxFunction 'sandbox': reserved_concurrency is -1: give a whole number from 0 to 100000, or None.",
        ),
        ({"log_retention_days": 2}, "SandboxFunction 'sandbox': log_retention_days is 2: give one of 1, 3, 5, "),
        (
            {"cidr_block": "10.0.0.0/28"},
            "SealedNetwork 'sandbox-network': cidr_block is '10.0.0.0/28': give an IPv4 range from /16 to /27 such as ",
        ),
        (
            {"availability_zones": ["eu-central-1a"]},
            "SealedNetwork 'sandbox-network': give two different availability zones.",
        ),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert message in str(refused.value)
