"""Who is acting: the one thing that service functions know of a caller, whichever door the caller came through."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

Role = Literal["member", "admin"]

SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "items:read": "Read items.",
        "items:write": "Create, change and delete items.",
        "automations:read": "Read automations.",
        "automations:write": "Create, change and delete automations.",
        "runs:read": "Read runs and what they printed.",
        "runs:write": "Start, cancel and repeat runs.",
        "profile:read": "Read one's own user.",
        "profile:write": "Change or delete one's own user.",
        "api-keys:read": "List one's own API keys.",
        "api-keys:write": "Make and revoke one's own API keys.",
        "users:read": "List all users. Administrators only.",
    }
)
"""What a credential can be allowed, with the words for it."""

ROLE_SCOPES: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {"member": frozenset(SCOPES) - {"users:read"}, "admin": frozenset(SCOPES)}
)
"""The most that a credential of a user with that role can be allowed."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A user who is acting, and what the credential in use allows.

    An administrator owns no more than a member: everybody's items, automations and runs are their own alone.
    """

    user_id: UUID
    role: Role
    scopes: frozenset[str]
    """Never more than the role allows at this moment."""

    session_id: UUID | None = None
    """The session that the access token belongs to; None where the credential is another."""

    api_key_id: UUID | None = None
    """The API key that was sent; None where the credential is another."""

    @property
    def limit_key(self) -> str:
        """What a client's requests are counted by: each API key for itself, all sessions of a user together."""
        return f"user:{self.user_id}" if self.api_key_id is None else f"api-key:{self.api_key_id}"
