"""The checkout and its stacks: where they are, and what their configuration files say."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from workbench.errors import UserError, quoted

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
        raise UserError(f"There is no stack named {quoted(name)}: choose one of {', '.join(known) or 'none'}.")


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
    """The configuration of a stack. Raises UserError where its file, or the project's, is missing or cannot be read."""
    document = _yaml(root / "Pulumi.yaml", root)
    project = str(document.get("name", ""))
    folder = root / str(document.get("stackConfigDir", "."))
    values: dict[str, str] = {}
    secret_keys: list[str] = []
    for key, declared in _mapping(document, "config", "Pulumi.yaml").items():
        if isinstance(declared, dict) and "default" in declared:
            full_key = key if ":" in key else f"{project}:{key}"
            values[full_key] = _config_text(cast("dict[str, Any]", declared)["default"])
    file = folder / f"Pulumi.{name}.yaml"
    for key, value in _mapping(_yaml(file, root), "config", _place(file, root)).items():
        if isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"secure"}:
            # Only the stack's own key decrypts it. Offline a placeholder stands in, and is masked like any secret. It
            # is another one where the file holds another secret.
            sealed = hashlib.sha256(str(cast("dict[str, Any]", value)["secure"]).encode()).hexdigest()[:12]
            values[key] = f"${{config::{key}#{sealed}}}"
            secret_keys.append(key)
        else:
            values[key] = _config_text(value)
    return Configuration(project, values, secret_keys)


def _config_text(value: Any) -> str:
    # Dates are the one kind of value in YAML that JSON has no word for: they are as they would be written.
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _mapping(document: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    """An entry of a file that holds keys and values, each key a text; none where it is absent or empty."""
    found: Any = document.get(key) or {}
    if not isinstance(found, dict):
        raise UserError(f"{place}: {key} is no list of keys and values: write each as `key: value` below `{key}:`.")
    return {str(name): value for name, value in cast("dict[Any, Any]", found).items()}


def _yaml(path: Path, root: Path) -> dict[str, Any]:
    place = _place(path, root)
    try:
        document = yaml.safe_load(path.read_text())
        json.dumps(document, default=str)
    except FileNotFoundError:
        raise UserError(f"{place} is missing: bring it back, or copy another stack's.") from None
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror or error}.") from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{place} is not valid YAML{line}: {error.problem or error.context}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"{place} is not valid YAML: it holds what is no text.") from None
    except (TypeError, ValueError):
        raise UserError(f"{place} holds what no configuration can: give texts, numbers, and lists of them.") from None
    if not isinstance(document or {}, dict):
        raise UserError(f"{place} is no list of keys and values: it begins with `config:`, as another stack's does.")
    return cast("dict[str, Any]", document or {})


def _place(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)
