"""Secrets Manager. The emulator forgets; a secret of the stack has its value again after the next `up`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.files import write_atomically
from workbench.local.handlers.base import Custom, Handler, Made, auto_name
from workbench.local.shapes import UnplacedError
from workbench.local.state import Applied, State

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105  # a type, not a secret
_TAKEN = ("name", "description")
_IGNORED = ("recoveryWindowInDays", "tags")


class Secret(Custom):
    """A secret. Its value is stored by a function of the stack, not by the program."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes it, with the value that an earlier emulator held."""
        for given in inputs:
            if given not in (*_TAKEN, *_IGNORED):
                raise UnplacedError(given)
        physical = str(inputs.get("name") or auto_name(name))
        client = cloud.client("secretsmanager")
        arn = client.create_secret(Name=physical, Description=inputs.get("description") or "")["ARN"]
        if (value := _remembered(cloud.folder).get(physical)) is not None:
            client.put_secret_value(SecretId=arn, SecretString=value)
        return arn, {"arn": arn, "name": physical}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Changes the description; another name is another secret."""
        if inputs.get("name") != before.inputs.get("name"):
            return None
        cloud.client("secretsmanager").update_secret(SecretId=before.id, Description=inputs.get("description") or "")
        return before.id, before.outputs

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes it for good, as a stack without protection does, and forgets its value."""
        cloud.client("secretsmanager").delete_secret(SecretId=applied.id, ForceDeleteWithoutRecovery=True)
        known = _remembered(cloud.folder)
        known.pop(applied.outputs["name"], None)
        _write(cloud.folder, known)


def remember(cloud: Cloud, state: State) -> None:
    """Keeps the present values of the stack's secrets beside its database, whose password they may be."""
    values: dict[str, str] = {}
    for applied in state.resources.values():
        if applied.type == SECRET:
            answer = cloud.client("secretsmanager").get_secret_value(SecretId=applied.id)
            if (value := answer.get("SecretString")) is not None:
                values[applied.outputs["name"]] = value
    if values != _remembered(cloud.folder):
        _write(cloud.folder, values)


def _remembered(folder: Path) -> dict[str, str]:
    try:
        return json.loads(_file(folder).read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _write(folder: Path, values: Mapping[str, str]) -> None:
    # Readable by this account alone, as the database's password beside it is.
    write_atomically(_file(folder), json.dumps(values))


def _file(folder: Path) -> Path:
    return folder / "secrets.json"


HANDLERS: Mapping[str, Handler] = {SECRET: Secret()}
