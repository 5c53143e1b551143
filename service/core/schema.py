"""The bases of request and response bodies, and the text that PostgreSQL and JSON can both hold."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class RequestBody(BaseModel):
    """What a client sends. A field that is not declared is refused."""

    model_config = ConfigDict(extra="forbid")


class ResponseBody(BaseModel):
    """What a client receives; read from a model's attributes."""

    model_config = ConfigDict(from_attributes=True)


def storable(text: str) -> str:
    """The text as it is. Raises ValueError for what PostgreSQL's UTF-8 text cannot hold."""
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain a lone surrogate") from None
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
"""1 to 200 characters after surrounding white space is removed."""


def cleaned_text(text: str) -> str:
    """The text with every NUL and lone surrogate replaced by U+FFFD, so that it can be stored."""
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned_json(value: Any, *, max_depth: int = 64) -> Any:
    """A JSON value whose texts and keys are `cleaned_text`. Raises ValueError where it is nested deeper than that."""
    if isinstance(value, str):
        return cleaned_text(value)
    if not isinstance(value, list | dict):
        return value
    if max_depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [cleaned_json(entry, max_depth=max_depth - 1) for entry in _entries(value)]
    return {cleaned_text(str(key)): cleaned_json(entry, max_depth=max_depth - 1) for key, entry in _fields(value)}


def _entries(value: Any) -> list[Any]:
    return value


def _fields(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items())
