"""A boundary is on every role of a program, whoever made it and whatever else was given for it."""

import pulumi
import pulumi_aws as aws

from components.boundary import bound_roles
from components.deploy_role import DeployRole
from components.python_function import PythonFunction
from tests.support.evaluation import ACCOUNT, REGION, deploy

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
OTHER = f"arn:aws:iam::{ACCOUNT}:policy/other"


def test_no_role_escapes_by_its_own_inputs_or_by_adjust_but_those_that_deploy() -> None:
    def program() -> None:
        bound_roles(BOUNDARY)
        aws.iam.Role("own", assume_role_policy="{}", permissions_boundary=OTHER)
        PythonFunction(
            "api",
            {
                "code": pulumi.FileArchive("app-0123456789abcdef"),
                "handler": "app.handler",
                "adjust": {"api-role": {"permissions_boundary": OTHER}},
            },
        )
        DeployRole(
            "deploy", {"repository": "acme/plinth", "environment": "dev", "account_id": ACCOUNT, "region": REGION}
        )

    roles = deploy(program).of_type("aws:iam/role:Role")
    assert {role.name: role.inputs.get("permissionsBoundary") for role in roles} == {
        "api-role": BOUNDARY,
        "deploy-preview-role": None,
        "deploy-role": None,
        "own": BOUNDARY,
    }
