"""Whatever settings a stack chooses, its program evaluates, and no policy is broken."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from stacks.environment import environment
from stacks.settings import StackSettings
from tests.support.evaluation import ACCOUNT, REGION, deploy, names_of, registered, resource, stack_manifest
from workbench.check import verdict_on
from workbench.manifest import Manifest
from workbench.project import Configuration

DEV = StackSettings(
    stack="test",
    region=REGION,
    account_id=ACCOUNT,
    zones="ab",
    protect_data=False,
    database_min_capacity=0.5,
    database_max_capacity=2,
    database_instances=1,
    database_backup_days=1,
    worker_concurrency=10,
    log_retention_days=7,
)
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
CLIENTS = ("api", "reaper", "shell", "worker")
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
        settings = dataclasses.replace(DEV, **VARIANTS[name])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PLINTH_PACKAGES", "describe")
            variants[name] = deploy(lambda: environment(settings))
    return variants[name]


@pytest.mark.parametrize("variant", VARIANTS, indirect=True)
def test_no_policy_is_broken(variant: Manifest) -> None:
    tags = '{"tags": {"plinth:project": "plinth", "plinth:stack": "test"}}'
    config = Configuration("plinth", {"aws:region": REGION, "aws:defaultTags": tags}, ())
    assert [finding.message for finding in verdict_on(variant, config).findings] == []


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
