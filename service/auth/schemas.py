"""Sessions as they travel: request and response bodies."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.auth.tokens import LIFETIME_SECONDS
from service.core.schema import RequestBody, ResponseBody


class TokenForm(BaseModel):
    """The form of an OAuth2 password grant (RFC 6749, section 4.3.2). Other fields are ignored, as OAuth2 asks."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["password"] = "password"
    username: str = Field(max_length=1000, description="The e-mail address.", examples=["ada@example.com"])
    password: str = Field(
        max_length=1000, json_schema_extra={"format": "password"}, examples=["an otter reads at noon"]
    )
    scope: str = Field(
        default="",
        max_length=1000,
        description="Scopes, separated by spaces; none for all that the user can have.",
        examples=["items:read items:write"],
    )

    @property
    def scopes(self) -> list[str]:
        """The scopes asked for."""
        return self.scope.split()


class TokenRefresh(RequestBody):
    """A refresh token in exchange for the next one."""

    refresh_token: Annotated[str, StringConstraints(max_length=200)] = Field(
        examples=["plinth_rt_dT7Jj0ZlXv1yQm3sKc8WbH5nRf2uGa9oPe4xLi6tYwE"]
    )


class TokenRead(ResponseBody):
    """The credentials of a session."""

    access_token: str = Field(
        description="To be sent as `Authorization: Bearer …`.",
        examples=["eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl"],
    )
    refresh_token: str = Field(
        description="Good for one `POST /v1/auth/refresh`.",
        examples=["plinth_rt_dT7Jj0ZlXv1yQm3sKc8WbH5nRf2uGa9oPe4xLi6tYwE"],
    )
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds that the access token is good for.", examples=[LIFETIME_SECONDS])
    scope: str = Field(description="What the access token is allowed, separated by spaces.", examples=["items:read"])
