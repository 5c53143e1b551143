"""Pulumi's own preview, for branches of the repository: with a role that looks, and told without any value."""

import json
from typing import Any

import pytest

from tests.support.workflows import Machine, Run, run_job

READY = {
    "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/plinth-dev-deploy-preview",
    "AWS_REGION": "eu-central-1",
    "PULUMI_BACKEND_URL": "s3://state",
}
_BEGINNING = "urn:pulumi:dev::plinth::"


def step(operation: str, urn: str, *names: str) -> dict[str, Any]:
    state = {"urn": urn, "inputs": {"password": "a-value-of-the-state"}}
    return {
        "op": operation,
        "urn": urn,
        "newState": state,
        "detailedDiff": {name: {"kind": "update"} for name in names},
    }


STEPS = {
    "config": {"plinth:key": "a-value-of-the-state"},
    "steps": [
        step("same", f"{_BEGINNING}pulumi:pulumi:Stack::plinth-dev"),
        step("update", f"{_BEGINNING}plinth:index:WorkQueue$aws:sqs/queue:Queue::runs", "visibilityTimeoutSeconds"),
        step("create", f"{_BEGINNING}aws:sqs/queue:Queue::a|`b"),
        step("create-replacement", f"{_BEGINNING}aws:rds/cluster:Cluster::database", "engineMode"),
        step("replace", f"{_BEGINNING}aws:rds/cluster:Cluster::database", "engineMode"),
        step("delete-replaced", f"{_BEGINNING}aws:rds/cluster:Cluster::database", "engineMode"),
    ],
    "diagnostics": [{"severity": "info", "message": "to be left out"}],
    "changeSummary": {"update": 1},
}


def previewed(
    machine: Machine, says: str, code: int = 0, variables: dict[str, str] | None = None, owner: str = "organisation"
) -> Run | None:
    (machine.folder / "says").write_text(says)
    machine.program("pulumi", f"cat {machine.folder / 'says'}; exit {code}")
    pull = {"head": {"repo": {"full_name": f"{owner}/plinth"}}, "user": {"login": "ada"}}
    github = {"event": {"pull_request": pull}}
    given = READY if variables is None else variables
    return run_job(machine, "preview.yml", "preview", github=github, matrix={"stack": "dev"}, variables=given)


def test_a_preview_is_told_by_names_alone_what_destroys_first(machine: Machine) -> None:
    done = previewed(machine, json.dumps(STEPS))
    assert done is not None
    assert done.status == "success"
    assert machine.calls == ["pulumi preview --stack dev --policy-pack policies --json --non-interactive"]
    assert done.artifacts == {"plinth-preview-dev": {"preview.md": done.summary.encode()}}
    assert done.summary.splitlines() == [
        "### `dev`",
        "",
        "1 to replace, 1 to update, 1 to create.",
        "",
        "| | resource | type | properties |",
        "|---|---|---|---|",
        "| replace | `database` | `aws:rds/cluster:Cluster` | `engineMode` |",
        "",
        "<details><summary>2 more</summary>",
        "",
        "| | resource | type | properties |",
        "|---|---|---|---|",
        "| update | `runs` | `aws:sqs/queue:Queue` | `visibilityTimeoutSeconds` |",
        "| create | `a\\|'b` | `aws:sqs/queue:Queue` |  |",
        "",
        "</details>",
    ]


def test_the_role_is_the_one_of_the_environment(machine: Machine) -> None:
    done = previewed(machine, "{}")
    assert done is not None
    assert done.summary == "### `dev`\n\nNothing changes.\n"
    assert dict(done.used)["aws-actions/configure-aws-credentials"] == {
        "role-to-assume": READY["AWS_ROLE_ARN"],
        "aws-region": "eu-central-1",
        "role-session-name": "preview-7",
    }


@pytest.mark.parametrize("missing", ["AWS_ROLE_ARN", "PULUMI_BACKEND_URL"])
def test_without_an_account_nothing_is_asked_and_the_check_is_green(machine: Machine, missing: str) -> None:
    done = previewed(machine, "{}", variables={**READY, missing: ""})
    assert done is not None
    assert (done.status, done.used, done.artifacts, machine.calls) == ("success", [], {}, [])
    wanted = "::notice::Skipped: the environment dev-preview has no variables AWS_ROLE_ARN and PULUMI_BACKEND_URL "
    assert done.annotations == [f"{wanted}(docs/operations.md)."]


def test_a_fork_gets_no_preview(machine: Machine) -> None:
    assert previewed(machine, "{}", owner="stranger") is None


def test_a_preview_that_fails_is_told_and_fails_the_check(machine: Machine) -> None:
    error = {"severity": "error", "message": "mandatory policy violated ~~~~~~~~ @all"}
    done = previewed(machine, json.dumps({"diagnostics": [error]}), code=5)
    assert done is not None
    assert done.status == "failure"
    assert done.artifacts["plinth-preview-dev"]["preview.md"].decode().splitlines() == [
        "### `dev`",
        "",
        "**It failed.**",
        "",
        "~~~~~~~~",
        "mandatory policy violated ~ ~ ~~ ~ ~~~ @all",
        "~~~~~~~~",
        "",
        "The log of the run says more.",
    ]


def test_a_preview_that_says_nothing_that_can_be_read_is_told_as_that(machine: Machine) -> None:
    done = previewed(machine, "error: could not decrypt", code=1)
    assert done is not None
    assert done.status == "failure"
    assert "**It failed.**" in done.summary
