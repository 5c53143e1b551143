"""The roles for GitHub in the local cloud: made as on AWS, read back and deleted."""

import urllib.parse
from typing import Any

import pytest

from components.deploy_role import DeployRole, DeployRoleArgs
from workbench.evaluate import evaluate
from workbench.local.apply import LocalProvider
from workbench.local.cloud import Cloud
from workbench.local.state import State

pytestmark = pytest.mark.xdist_group("emulator")

ARGS: DeployRoleArgs = {
    "repository": "acme/plinth",
    "environment": "prod",
    "account_id": "111111111111",
    "region": "eu-central-1",
}


def test_provider_roles_and_policies_are_made_left_alone_and_deleted(cloud: Cloud) -> None:
    state, iam = State(), cloud.client("iam")
    steps: list[str] = []

    def apply(*args: DeployRoleArgs) -> None:
        def program() -> None:
            for each in args:
                DeployRole("deploy", each)

        steps.clear()
        provider = LocalProvider(cloud, state, lambda step, what: steps.append(f"{step} {what.name}"))
        evaluate(program, provider, stack_name="trusted")
        provider.delete_unseen()

    apply(ARGS)
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    known: dict[str, Any] = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    assert known["ClientIDList"] == ["sts.amazonaws.com"]
    role = iam.get_role(RoleName="plinth-trusted-deploy")["Role"]
    trusted = role["AssumeRolePolicyDocument"]
    assert provider["Arn"] in (trusted if isinstance(trusted, str) else urllib.parse.unquote(str(trusted)))
    attached = iam.list_attached_role_policies(RoleName="plinth-trusted-deploy")["AttachedPolicies"]
    assert sorted(each["PolicyName"] for each in attached) == [
        f"plinth-trusted-deploy-{ending}" for ending in ("compute", "data", "edge", "network", "roles", "stores")
    ]

    apply(ARGS)
    assert {step.split()[0] for step in steps} == {"same"}

    apply()
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    policies = [each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"]]
    assert [name for name in policies if name.startswith("plinth-trusted-")] == []
