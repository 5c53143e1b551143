"""What can go wrong in a way that its user can mend."""

from reprlib import Repr

_SHORT = Repr()
_SHORT.maxstring = 80


class UserError(Exception):
    """One line that says what is wrong, with what, and what to do. The command prints it and exits with 2."""


def quoted(given: str) -> str:
    """What somebody typed, in quotes, for a message: of a very long one its beginning and its end."""
    return _SHORT.repr(given)
