"""One issue a stack says what differs from what was deployed: opened, kept up to date, and closed."""

import json
from typing import Any

from tests.support.fake_github import BOT, GitHub
from tests.support.workflows import Machine, Run, run_job

READY = {"AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/plinth-dev-drift", "PULUMI_BACKEND_URL": "s3://state"}
_URN = "urn:pulumi:dev::plinth::plinth:index:WorkQueue$aws:sqs/queue:Queue::"


def changed(name: str, operation: str, *properties: str) -> str:
    """A line of what `pulumi refresh --json` prints."""
    states = {"old": {"inputs": {"policy": "a-value-of-the-state"}}, "new": {}}
    metadata = {"op": operation, "urn": f"{_URN}{name}", "diffs": list(properties), "detailedDiff": None, **states}
    return json.dumps({"sequence": 1, "resOutputsEvent": {"metadata": metadata, "planning": True}})


DRIFT = "\n".join([changed("same", "same"), changed("runs", "update", "delaySeconds"), changed("gone", "delete"), ""])


def looked(machine: Machine, says: str, code: int, stack: str = "dev", **variables: str) -> Run:
    (machine.folder / "says").write_text(says)
    # Without the variable it prints a document that does not say what a refresh found (tests/engine).
    streams = '[ "$PULUMI_ENABLE_STREAMING_JSON_PREVIEW" = true ]'
    machine.program("pulumi", f"{streams} && cat {machine.folder / 'says'}; exit {code}")
    done = run_job(
        machine,
        "drift.yml",
        "drift",
        github={"ref": "refs/heads/main"},
        matrix={"stack": stack},
        variables={**READY, **variables},
    )
    assert done is not None
    return done


def open_issues(hub: GitHub) -> list[dict[str, Any]]:
    return [issue for issue in hub.issues if issue["state"] == "open"]


def test_drift_opens_an_issue_that_says_what_differs(machine: Machine, hub: GitHub) -> None:
    done = looked(machine, DRIFT, 7)
    assert done.status == "success"
    assert machine.calls == ["pulumi refresh --stack dev --preview-only --expect-no-changes --json --non-interactive"]
    (issue,) = hub.issues
    assert (issue["title"], issue["labels"]) == ("dev is not as it was deployed", [{"name": "drift"}])
    assert issue["body"].startswith("<!-- plinth:drift:dev -->\n\n[This run](https://github.com/organisation/plinth/")
    assert "| delete | `gone` | `aws:sqs/queue:Queue` |  |" in issue["body"]
    assert "| update | `runs` | `aws:sqs/queue:Queue` | `delaySeconds` |" in issue["body"]
    assert "`same`" not in issue["body"]
    assert "a-value-of-the-state" not in issue["body"]


def test_what_a_refresh_does_not_name_is_told_by_what_there_is(machine: Machine, hub: GitHub) -> None:
    before, after = ({"outputs": {"delaySeconds": seconds, "name": "runs"}} for seconds in (0, 5))
    metadata = {"op": "update", "urn": f"{_URN}runs", "diffs": None, "detailedDiff": None, "old": before, "new": after}
    looked(machine, json.dumps({"resOutputsEvent": {"metadata": metadata}}), 7)
    assert "| update | `runs` | `aws:sqs/queue:Queue` | `delaySeconds` |" in hub.issues[0]["body"]


def test_the_issue_is_kept_up_to_date_and_no_second_one_opened(machine: Machine, hub: GitHub) -> None:
    looked(machine, DRIFT, 7)
    looked(machine, changed("other", "update", "name"), 7)
    (issue,) = hub.issues
    assert "`other`" in issue["body"]
    assert "`gone`" not in issue["body"]


def test_each_stack_has_its_own_issue(machine: Machine, hub: GitHub) -> None:
    looked(machine, DRIFT, 7, "dev")
    looked(machine, DRIFT, 7, "prod")
    looked(machine, "", 0, "dev")
    assert [issue["title"] for issue in open_issues(hub)] == ["prod is not as it was deployed"]


def test_the_issue_is_closed_when_nothing_differs_any_more(machine: Machine, hub: GitHub) -> None:
    looked(machine, DRIFT, 7)
    looked(machine, changed("same", "same"), 0)
    assert open_issues(hub) == []
    assert [comment["body"] for comment in hub.comments[1]] == [
        "[This run](https://github.com/organisation/plinth/actions/runs/7) found no drift any more."
    ]
    looked(machine, DRIFT, 7)
    assert [issue["number"] for issue in open_issues(hub)] == [2]


def test_nothing_is_written_where_nothing_differs(machine: Machine, hub: GitHub) -> None:
    assert looked(machine, "", 0).log == "dev is as it was deployed.\n"
    assert hub.writes == []


def test_a_failure_is_no_drift_and_does_not_close_the_issue(machine: Machine, hub: GitHub) -> None:
    looked(machine, DRIFT, 7)
    written = len(hub.writes)
    done = looked(machine, "error: no credentials\n", 255)
    assert (done.status, done.log) == ("failure", "error: no credentials\n")
    assert len(hub.writes) == written
    assert len(open_issues(hub)) == 1


def test_somebody_elses_issue_is_left_alone(machine: Machine, hub: GitHub) -> None:
    marked = {"state": "open", "labels": [{"name": "drift"}], "body": "<!-- plinth:drift:dev -->"}
    hub.issues += [
        {**marked, "number": 1, "user": {"login": "ada"}},
        {**marked, "number": 2, "user": BOT, "pull_request": {}},
    ]
    looked(machine, "", 0)
    assert hub.writes == []


def test_without_a_role_nothing_is_looked_at(machine: Machine, hub: GitHub) -> None:
    done = looked(machine, DRIFT, 7, AWS_ROLE_ARN="")
    assert (done.status, done.used, machine.calls, hub.writes) == ("success", [], [], [])
    wanted = "::notice::Skipped: the environment dev-drift has no variables AWS_ROLE_ARN and PULUMI_BACKEND_URL "
    assert done.annotations == [f"{wanted}(docs/operations.md)."]
