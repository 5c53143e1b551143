"""The keys are a secret that the program makes and never sees the value of."""

from typing import Any

import pulumi
import pytest

from components.signing_keys import SigningKeys
from tests.support.evaluation import deploy, inputs, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

SECRET = "aws:secretsmanager/secret:Secret"
ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:plinth-test-signing-keys"


def deployed(**args: Any) -> Manifest:
    merged: Any = args
    return deploy(lambda: SigningKeys("signing-keys", merged))


@pytest.mark.parametrize(("args", "protect", "days"), [({}, True, 30), ({"deletion_protection": False}, False, 0)])
def test_it_is_one_secret_without_a_value_that_resists_deletion_unless_told_otherwise(
    args: dict[str, Any], protect: bool, days: int
) -> None:
    manifest = deployed(**args)
    assert registered(manifest) == [
        "plinth:index:SigningKeys$aws:secretsmanager/secret:Secret::signing-keys",
        "plinth:index:SigningKeys::signing-keys",
    ]
    assert inputs(manifest, SECRET, "signing-keys") == {
        "name": "plinth-test-signing-keys",
        "description": "Keys that sign access tokens, and the pepper of API keys",
        "recoveryWindowInDays": days,
    }
    assert resource(manifest, SECRET, "signing-keys").protect is protect


def test_a_protection_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(deletion_protection="no")
    assert "SigningKeys 'signing-keys': deletion_protection is 'no': give True or False." in str(refused.value)


def test_whoever_signs_may_read_and_whoever_makes_the_keys_may_store_them_too() -> None:
    def program() -> None:
        keys = SigningKeys("signing-keys", {})
        pulumi.export("reads", keys.reads())
        pulumi.export("writes", keys.writes())

    read, write = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
    environment = {"SIGNING_KEYS_SECRET_ARN": ARN}
    assert deploy(program).outputs == {
        "reads": {"environment": environment, "statements": [{"actions": [read], "resources": [ARN]}]},
        "writes": {"environment": environment, "statements": [{"actions": [read, write], "resources": [ARN]}]},
    }
