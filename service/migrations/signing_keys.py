"""The first signing keys of an environment, and new ones. Whoever signs or checks only reads them."""

from service.core.keys import KeyRing
from service.core.stored_secret import Stored


def provide(stored: Stored) -> bool:
    """See that there are keys. Returns whether they are new; raises UnusableKeysError where they are of no use."""
    if (present := stored.read()) is not None:
        KeyRing.parse(present)
        return False
    stored.write(KeyRing.generate().to_json())
    return True


def rotate(stored: Stored) -> None:
    """Sign with a new key from now on. Tokens signed with the two keys before it stay good."""
    present = stored.read()
    stored.write((KeyRing.generate() if present is None else KeyRing.parse(present).rotated()).to_json())
