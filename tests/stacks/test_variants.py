"""Whatever settings a stack chooses, its program evaluates, and no policy is broken."""

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import environment
from tests.support.evaluation import ACCOUNT, REGION, deploy, inputs, names_of, registered, resource, stack_manifest
from tests.support.stack_settings import settings_with
from workbench.check import verdict_on
from workbench.manifest import Manifest
from workbench.project import Configuration

OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
CLIENTS = ("api", "reaper", "shell", "worker")
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/plinth-boundary"
MASTER = "${aws:rds/cluster:Cluster::database.masterUserSecrets[0].secretArn}"
MASTER_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!cluster-1-abcdef"
ROLE = "aws:iam/role:Role"
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}")
"""What EC2 lets a description be (API reference: CreateSecurityGroup). An apostrophe is not among it."""
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "as small as it goes": {"database_min_capacity": 0, "network_egress": "ipv6", "reaper_minutes": 60},
    "three zones": {"zones": "abc", "network_egress": "ipv6", "network_flow_logs": True, "database_instances": 3},
    "protected": {
        "protect_data": True,
        "api_reserved_concurrency": 100,
        "database_backup_days": 35,
        "database_login": "iam",
        "database_proxy": True,
    },
    "on its way to iam": {"database_login": "iam", "database_former_login": "password", "database_proxy": True},
    "tenants": {"sandbox_isolation": "tenant", "sandbox_reserved_concurrency": 5},
    "microvms": {"sandbox_isolation": "microvm"},
    "a version kept": {"api_kept_version": "41", "api_kept_share": 0.9},
    "a domain and its zone": {"api_domain": "api.example.com", "api_domain_zone_id": "Z123"},
    "a domain and a certificate": {"api_domain": "api.example.com", "api_certificate_arn": CERTIFICATE},
    "a budget": {"alarm_emails": ("on-call@example.com",), "monthly_budget_usd": 100},
    "deployed from GitHub": {"github_repository": "organisation/plinth"},
    "deployed from GitHub, with another stack beside it": {
        "github_repository": "organisation/plinth",
        "github_oidc_provider_arn": OIDC,
        "github_state_bucket_arn": "arn:aws:s3:::organisation-state",
        "github_secrets_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
    },
    "bounded roles": {
        "github_repository": "organisation/plinth",
        "permissions_boundary_arn": BOUNDARY,
        "network_flow_logs": True,
        "database_proxy": True,
        "sandbox_isolation": "microvm",
    },
}


@pytest.fixture(scope="module")
def variants() -> dict[str, Manifest]:
    return {}


@pytest.fixture
def variant(request: pytest.FixtureRequest, variants: dict[str, Manifest]) -> Manifest:
    """What the settings of the name register, evaluated once."""
    name = request.param
    if name not in variants:
        settings = settings_with(**VARIANTS[name])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PLINTH_PACKAGES", "describe")
            variants[name] = deploy(lambda: environment(settings))
    return variants[name]


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_no_policy_is_broken(variant: Manifest) -> None:
    tags = '{"tags": {"plinth:project": "plinth", "plinth:stack": "test"}}'
    accounts = json.dumps([ACCOUNT])
    values = {"aws:region": REGION, "aws:allowedAccountIds": accounts, "aws:defaultTags": tags}
    config = Configuration("plinth", values, ())
    assert [finding.message for finding in verdict_on(variant, config).findings] == []


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_ec2_takes_the_descriptions_of_groups_and_rules(variant: Manifest) -> None:
    refused = {
        each.name: description
        for type_ in (
            "aws:ec2/securityGroup:SecurityGroup",
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        )
        for each in variant.of_type(type_)
        if not DESCRIPTION.fullmatch(description := each.inputs["description"])
    }
    assert refused == {}


def new(variant: Manifest) -> set[str]:
    """The names of what a variant has and dev has not, endpoints and what is in their place aside."""
    lines = set(registered(variant)) - set(registered(stack_manifest("dev")))
    names = {line.rpartition("::")[2] for line in lines}
    return {name for name in names if "endpoint" not in name and name != "network"}


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("as small as it goes", set[str]()),
        (
            "on its way to iam",
            {
                "database-proxy",
                "database-proxy-into-database",
                "database-proxy-logs",
                "database-proxy-policy",
                "database-proxy-role",
                "database-proxy-security-group",
                "database-proxy-target",
                "database-proxy-targets",
                "database-proxy-to-database",
                "database-refused-tokens",
                *(f"{client}-{way}-database-proxy" for client in CLIENTS for way in ("to", "into")),
            },
        ),
        ("a version kept", set[str]()),
        (
            "a domain and its zone",
            {
                "http-api-a-record",
                "http-api-aaaa-record",
                "http-api-certificate",
                "http-api-certificate-issued",
                "http-api-certificate-record",
                "http-api-domain",
                "http-api-mapping",
            },
        ),
        ("a domain and a certificate", {"http-api-domain", "http-api-mapping"}),
        ("a budget", {"observability-budget", "observability-to-on-call-example-com-c63654f3"}),
    ],
    indirect=["variant"],
)
def test_a_setting_brings_what_it_is_for_and_nothing_else(variant: Manifest, names: set[str]) -> None:
    assert new(variant) == names


@pytest.mark.parametrize("variant", ["a domain and its zone"], indirect=True)
def test_a_domain_is_where_the_api_says_it_is(variant: Manifest) -> None:
    assert variant.outputs["api_url"] == "https://api.example.com"


@pytest.mark.parametrize("variant", ["a version kept"], indirect=True)
def test_only_the_api_keeps_a_version(variant: Manifest) -> None:
    kept = {
        each.name: each.inputs["routingConfig"]
        for each in variant.of_type("aws:lambda/alias:Alias")
        if "routingConfig" in each.inputs
    }
    assert list(kept) == ["api-live"]
    assert kept["api-live"] == {"additionalVersionWeights": {"41": 0.9}}
    assert "api" in names_of(resource(variant, "aws:lambda/alias:Alias", "api-live"))


def of_the_stack(manifest: Manifest, type_: str) -> list[str]:
    """The names of what is of a type, without what GitHub deploys with."""
    return [each.name for each in manifest.of_type(type_) if "plinth:index:DeployRole" not in each.urn]


@pytest.mark.parametrize("variant", ["bounded roles"], indirect=True)
def test_every_role_has_the_boundary_but_those_that_change_roles(variant: Manifest) -> None:
    bounded = {each.name: each.inputs.get("permissionsBoundary") for each in variant.of_type(ROLE)}
    own = of_the_stack(variant, ROLE)
    assert bounded == {**dict.fromkeys(own, BOUNDARY), "deploy-preview-role": None, "deploy-role": None}
    assert len(own) > 8
    assert BOUNDARY in inputs(variant, "aws:iam/policy:Policy", "deploy-roles")["policy"]


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_the_boundary_of_the_manual_allows_what_the_roles_do(variant: Manifest) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    (block,) = re.findall("```json\n(.*?)```", manual, re.DOTALL)
    limits = json.loads(block.replace("plinth-dev-", "plinth-test-"))["Statement"]

    def is_within(action: str, on: str) -> bool:
        return any(
            any(fnmatchcase(action, each) for each in several(limit["Action"]))
            and any(fnmatchcase(on, each) for each in several(limit["Resource"]))
            for limit in limits
        )

    refused = {
        (action, on)
        for name in of_the_stack(variant, "aws:iam/rolePolicy:RolePolicy")
        for statement in json.loads(inputs(variant, "aws:iam/rolePolicy:RolePolicy", name)["policy"])["Statement"]
        for action in statement["Action"]
        for on in (each.replace(MASTER, MASTER_ARN) for each in statement["Resource"])
        if statement["Effect"] == "Allow" and not is_within(action, on)
    }
    assert refused == set()


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
