"""What can go wrong in a way that its user can mend."""


class UserError(Exception):
    """One line that says what is wrong, with what, and what to do. The command prints it and exits with 2."""
