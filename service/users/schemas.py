"""Users as they travel: request and response bodies."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from service.auth.passwords import MAX_LENGTH, MIN_LENGTH
from service.core.actor import Role
from service.core.schema import RequestBody, ResponseBody, storable
from service.users.models import MAX_EMAIL_LENGTH

Email = Annotated[
    str, StringConstraints(min_length=3, max_length=MAX_EMAIL_LENGTH), Field(json_schema_extra={"format": "email"})
]
"""An address as it was typed; `service.users.addresses` says whether it is one."""

Password = Annotated[
    str,
    StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    AfterValidator(storable),
    Field(json_schema_extra={"format": "password"}, examples=["an otter reads at noon"]),
]

PasswordToCheck = Annotated[
    str,
    StringConstraints(max_length=MAX_LENGTH),
    Field(json_schema_extra={"format": "password"}, examples=["an otter reads at noon"]),
]


class UserCreate(RequestBody):
    """Somebody who registers."""

    email: Email = Field(examples=["ada@example.com"])
    password: Password


class UserPatch(RequestBody):
    """What to change: `email`, `password` or both. A field that is left out stays as it is."""

    model_config = {"json_schema_extra": {"minProperties": 2}}

    current_password: PasswordToCheck
    # Defaults that are never read (only fields that were sent are), yet keep null from being a value.
    email: Email = Field(default_factory=str, examples=["ada@example.com"])
    password: Password = Field(default_factory=str)

    @model_validator(mode="after")
    def _something_changes(self) -> "UserPatch":
        if self.model_fields_set == {"current_password"}:
            raise ValueError("give an email, a password or both")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(exclude_unset=True)


class UserRead(ResponseBody):
    """A user."""

    id: UUID
    email: str = Field(json_schema_extra={"format": "email"}, examples=["ada@example.com"])
    role: Role = Field(examples=["member"])
    created_at: datetime
    updated_at: datetime
