"""What was applied to a local cloud: enough to change only what changed, and to delete what is gone."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.local.files import write_atomically


@dataclass(frozen=True)
class Applied:
    """A resource as it stands in the local cloud."""

    urn: str
    type: str
    name: str
    fingerprint: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass
class State:
    """The applied resources in the order they were made, the stack's outputs, and whose memory they live in."""

    emulator: str = ""
    """Pid and creation time of the emulator that holds the resources: a new one holds none of them."""
    applying: bool = False
    """Whether an apply began and never ended: then nobody knows what the emulator holds."""
    resources: dict[str, Applied] = field(default_factory=dict[str, Applied])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])

    @staticmethod
    def load(file: Path) -> "State":
        """Reads the state; one that is missing or spoilt is an empty one that begins with a new emulator."""
        try:
            document = json.loads(file.read_text())
            resources = {entry["urn"]: Applied(**entry) for entry in document.pop("resources")}
            return State(**document, resources=resources)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return State(applying=True)

    def save(self, file: Path) -> None:
        """Writes the state whole."""
        document = {**asdict(self), "resources": [asdict(applied) for applied in self.resources.values()]}
        write_atomically(file, json.dumps(document))
