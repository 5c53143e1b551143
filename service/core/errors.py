"""What can go wrong in a service function, in words of the domain, with the HTTP status each error maps to."""

from typing import ClassVar


class ServiceError(Exception):
    """A request that cannot be done. `str(error)` is one sentence for the person who asked."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "Bad request"


class NotFoundError(ServiceError):
    """What was asked about does not exist, or is not the caller's to see."""

    status = 404
    code = "not-found"
    title = "Not found"

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"There is no {kind} {identifier}.")


class ConflictError(ServiceError):
    """What was asked for does not fit the present state."""

    status = 409
    code = "conflict"
    title = "Conflict"


class InvalidInputError(ServiceError):
    """A value has the right shape but cannot be used."""

    status = 422
    code = "invalid-input"
    title = "Invalid input"
