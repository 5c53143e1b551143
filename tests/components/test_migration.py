"""A migration is one invocation per revision."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.migration import Migration
from tests.support.evaluation import deploy, inputs, names_of, registered, resource
from workbench.evaluate import ProgramError

INVOCATION = "aws:lambda/invocation:Invocation"


def test_it_is_one_invocation_that_a_new_revision_repeats() -> None:
    def migrating(revision: str) -> dict[str, Any]:
        manifest = deploy(
            lambda: Migration("migration", {"function_name": "migrate", "alias_name": "live", "revision": revision})
        )
        assert registered(manifest) == [
            "plinth:index:Migration$aws:lambda/invocation:Invocation::migration",
            "plinth:index:Migration::migration",
        ]
        return inputs(manifest, INVOCATION, "migration")

    first = migrating("0001")
    assert json.loads(first["input"]) == {"revision": "head"}
    assert first == {
        "functionName": "migrate",
        "qualifier": "live",
        "input": first["input"],
        "triggers": {"revision": "0001"},
        "lifecycleScope": "CREATE_ONLY",
    }
    assert migrating("0002") == {**first, "triggers": {"revision": "0002"}}


def test_another_secret_to_fill_repeats_it() -> None:
    def program() -> None:
        secret = aws.secretsmanager.Secret("keys", name="keys")
        Migration(
            "migration",
            {"function_name": "migrate", "alias_name": "live", "revision": "0001", "stores": {"keys": secret.arn}},
        )

    arn = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:keys"
    assert inputs(deploy(program), INVOCATION, "migration")["triggers"] == {"revision": "0001", "keys": arn}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"revision": ""}, "revision is '': give the newest revision in the code, such as '0007'."),
        ({"stores": {"revision": "arn:keys"}}, "stores has one named 'revision': give it another name."),
    ],
)
def test_a_revision_that_could_not_be_told_from_another_is_refused(args: dict[str, Any], message: str) -> None:
    merged: Any = {"function_name": "migrate", "alias_name": "live", "revision": "0001", **args}
    with pytest.raises(ProgramError) as refused:
        deploy(lambda: Migration("migration", merged))
    assert f"Migration 'migration': {message}" in str(refused.value)


def test_it_waits_for_what_it_is_told_to_and_others_can_wait_for_it() -> None:
    def program() -> None:
        first = aws.sqs.Queue("first")
        migration = Migration(
            "migration",
            {"function_name": "migrate", "alias_name": "live", "revision": "0001"},
            pulumi.ResourceOptions(depends_on=[first]),
        )
        aws.sqs.Queue("last", opts=pulumi.ResourceOptions(depends_on=[migration]))
        pulumi.export("revision", migration.revision)

    manifest = deploy(program)
    assert names_of(resource(manifest, INVOCATION, "migration")) == {"first"}
    assert names_of(resource(manifest, "aws:sqs/queue:Queue", "last")) == {"migration"}
    assert manifest.outputs == {"revision": "0001"}
