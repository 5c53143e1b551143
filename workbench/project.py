"""The checkout and its stacks: where they are, and what their configuration files say."""

import json
import os
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


def configuration(name: str, root: Path = ROOT) -> tuple[str, dict[str, str], list[str]]:
    """The project's name, the stack's configuration as the engine would hand it over, and its secret keys."""
    project_file = root / "Pulumi.yaml"
    document = _yaml(project_file)
    project = str(document.get("name", ""))
    folder = root / str(document.get("stackConfigDir", "."))
    config: dict[str, str] = {}
    secrets: list[str] = []
    for key, declared in cast("dict[str, Any]", document.get("config") or {}).items():
        if isinstance(declared, dict) and "default" in declared:
            config[key if ":" in key else f"{project}:{key}"] = _config_text(
                cast("dict[str, Any]", declared)["default"]
            )
    for key, value in cast("dict[str, Any]", _yaml(folder / f"Pulumi.{name}.yaml").get("config") or {}).items():
        if isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"secure"}:
            # Only the stack's own key decrypts it. Offline a placeholder stands in, and is masked like any secret.
            config[key], _ = f"${{config::{key}}}", secrets.append(key)
        else:
            config[key] = _config_text(value)
    return project, config, secrets


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
