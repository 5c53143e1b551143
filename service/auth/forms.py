"""The form of a sign-in, read without python-multipart: it is the only form of the API, and a short one."""

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from service.auth.schemas import TokenForm

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"

_MAX_BYTES = 16 * 1024
_MAX_FIELDS = 20

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": TokenForm.model_json_schema()}},
    }
}
"""The form in the OpenAPI document."""


async def _token_form(request: Request) -> TokenForm:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise _refused("form_type", f"The body must be a form ({MEDIA_TYPE}).")
    body = await request.body()
    if len(body) > _MAX_BYTES:
        raise _refused("form_too_long", f"The form has more than {_MAX_BYTES} bytes.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise _refused("form_invalid", f"The body is no form in UTF-8 of at most {_MAX_FIELDS} fields.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _refused("form_repeated", "A field is there twice.")
    try:
        return TokenForm.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]) from None


TokenFormDependency = Annotated[TokenForm, Depends(_token_form)]
"""The form that was sent. Raises RequestValidationError."""


def _refused(code: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": code, "loc": ("body",), "msg": message}])
