"""What can go wrong in a service function, in words of the domain, with the HTTP status each error maps to."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class ServiceError(Exception):
    """A request that cannot be done. `str(error)` is one sentence for the person who asked."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "Bad request"
    keeps_changes: ClassVar[bool] = False
    """Whether what was done before the refusal is kept: a replayed token must end its session, though it is refused."""

    headers: Mapping[str, str] = _NO_HEADERS
    """What HTTP says of the error beside its status."""


class UnauthenticatedError(ServiceError):
    """Nobody can tell who is asking: the credential is missing, wrong, expired or revoked."""

    status = 401
    code = "unauthenticated"
    title = "Unauthenticated"

    def __init__(self, message: str, *, error: str | None = None) -> None:
        super().__init__(message)
        # RFC 6750, section 3: no error code where no credential was sent.
        self.headers = {"WWW-Authenticate": "Bearer" if error is None else f'Bearer error="{error}"'}


class ForbiddenError(ServiceError):
    """The caller is known, and may not do this at all."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class MissingScopeError(ForbiddenError):
    """The credential was not given the scopes that this needs."""

    code = "missing-scope"
    title = "Missing scope"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"The credential lacks the scope {', '.join(missing)}.")
        self.headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(missing)}"'}


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


class PreconditionFailedError(ServiceError):
    """The caller's picture of the object is older than the object."""

    status = 412
    code = "precondition-failed"
    title = "Precondition failed"


class QuotaExceededError(ServiceError):
    """The owner has as much of this as an owner may have."""

    status = 429
    code = "quota-exceeded"
    title = "Quota exceeded"

    def __init__(self, message: str, *, retry_after_seconds: int = 60) -> None:
        # Most quotas make room only when the owner deletes something.
        super().__init__(message)
        self.headers = {"Retry-After": str(retry_after_seconds)}
