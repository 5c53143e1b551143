"""API keys as they travel: request and response bodies."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from service.api_keys.secret import SHOWN_CHARACTERS
from service.core.actor import SCOPES
from service.core.schema import Name, RequestBody, ResponseBody

_BEGINS_WITH_A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]")


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise ValueError(f"must be one of {', '.join(SCOPES)}")
    return text


def _text(value: Any) -> Any:
    # Pydantic would take a number, as a number or as a text, for seconds or milliseconds since 1970.
    if not isinstance(value, str) or _BEGINS_WITH_A_DAY.match(value) is None:
        raise ValueError("must be a text as RFC 3339 writes it")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be before the year 10000") from None


Scope = Annotated[str, AfterValidator(_scope), Field(json_schema_extra={"enum": list(SCOPES)})]
Moment = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_in_utc)]


class ApiKeyCreate(RequestBody):
    """A new API key."""

    name: Name = Field(examples=["Deployment pipeline"])
    scopes: set[Scope] | None = Field(
        default=None,
        min_length=1,
        description="What the key is allowed; null, or left out, for all that the credential in use is allowed.",
        examples=[["items:read", "items:write"]],
    )
    expires_at: Moment | None = Field(
        default=None,
        description="When the key stops working, with an offset from UTC; null, or left out, for never.",
        examples=["2099-12-31T23:59:59Z"],
    )


class ApiKeyRead(ResponseBody):
    """An API key, without the key itself."""

    id: UUID
    name: str = Field(examples=["Deployment pipeline"])
    prefix: str = Field(description=f"The first {SHOWN_CHARACTERS} characters of the key.", examples=["plinth_8fQ2x"])
    scopes: list[str] = Field(examples=[["items:read", "items:write"]])
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="When the key was last used, to the minute.")
    revoked_at: datetime | None


class ApiKeyCreated(ApiKeyRead):
    """An API key that was just made."""

    key: str = Field(
        description="The key, to be sent as X-API-Key. It is shown this once.",
        examples=["plinth_8fQ2xT0mCq5VwJr9LdYb3NzKs7HgAe1UoPi644hfqQ"],
    )
