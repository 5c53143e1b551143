"""The checkout and its stacks: where they are, and what their configuration files say."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from workbench.errors import UserError

ROOT = Path(__file__).parent.parent
"""The checkout this command belongs to."""


STATE = Path(os.environ.get("PLINTH_STATE_DIR") or ROOT / ".plinth")
"""Where running stacks keep their state and logs: `.plinth`, unless PLINTH_STATE_DIR names another folder."""


def stack_names(root: Path = ROOT) -> list[str]:
    """The stacks of a checkout: the packages in stacks/."""
    return sorted(path.parent.name for path in (root / "stacks").glob("*/__init__.py"))


def require_stack(name: str, root: Path = ROOT) -> None:
    """Raises UserError where the checkout has no such stack."""
    if name not in (known := stack_names(root)):
        raise UserError(f"There is no stack named {name!r}: choose one of {', '.join(known) or 'none'}.")


@dataclass(frozen=True)
class Configuration:
    """What a stack's configuration file says, as the engine would hand it to the program."""

    project: str
    values: Mapping[str, str]
    secret_keys: Sequence[str]

    @property
    def region(self) -> str:
        """The AWS region of the stack."""
        return self.values.get("aws:region", "us-east-1")

    @property
    def account(self) -> str:
        """The AWS account of the stack."""
        return self.values.get("plinth:accountId", "123456789012")


def configuration(name: str, root: Path = ROOT) -> Configuration:
    """The configuration of a stack. Raises UserError where its file, or the project's, is missing or no YAML."""
    document = _yaml(root / "Pulumi.yaml")
    project = str(document.get("name", ""))
    folder = root / str(document.get("stackConfigDir", "."))
    values: dict[str, str] = {}
    secret_keys: list[str] = []
    for key, declared in cast("dict[str, Any]", document.get("config") or {}).items():
        if isinstance(declared, dict) and "default" in declared:
            full_key = key if ":" in key else f"{project}:{key}"
            values[full_key] = _config_text(cast("dict[str, Any]", declared)["default"])
    for key, value in cast("dict[str, Any]", _yaml(folder / f"Pulumi.{name}.yaml").get("config") or {}).items():
        if isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"secure"}:
            # Only the stack's own key decrypts it. Offline a placeholder stands in, and is masked like any secret.
            values[key] = f"${{config::{key}}}"
            secret_keys.append(key)
        else:
            values[key] = _config_text(value)
    return Configuration(project, values, secret_keys)


def _config_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing from {path.parent}: every stack needs one beside stacks/.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from None
    return cast("dict[str, Any]", document or {})
