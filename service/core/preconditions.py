"""What a caller expects of an object before changing it: that it still is the version that the caller has seen."""

from dataclasses import dataclass
from typing import Final

from service.core.errors import PreconditionFailedError


@dataclass(frozen=True)
class Precondition:
    """The versions at which the caller wants the object changed. Checked once the object's row is locked."""

    versions: frozenset[int] | None
    """None: any version, of an object that exists."""

    def require(self, kind: str, version: int) -> None:
        """Raises PreconditionFailedError where the object, of that version now, is not what was expected."""
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailedError(f"The {kind} is at version {version}, which is not the one expected.")


ANY_VERSION: Final = Precondition(None)
"""Met by whatever exists."""


def version(number: int) -> Precondition:
    """Met by that version alone."""
    return Precondition(frozenset({number}))
