"""When two values are the same one: by what they say, not by how Python holds them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from workbench.diff.snapshot import Code, Hidden


def canonical(value: Any) -> str:
    """A text that two values share exactly when they are the same: 1 and 1.0 are, 1 and true are not.

    A key without a value is no key. Secrets and archives have their digests in it, so it is for comparing only.
    """
    match value:
        case str():
            return json.dumps(value)
        case bool() | None:
            return json.dumps(value)
        case float() if value.is_integer():
            return str(int(value))
        case Mapping():
            pairs = sorted((key, item) for key, item in cast("Mapping[str, Any]", value).items() if item is not None)
            return "{" + ",".join(f"{json.dumps(key)}:{canonical(item)}" for key, item in pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(canonical(item) for item in cast("Sequence[Any]", value)) + "]"
        case Hidden():
            return f"hidden {value.digest}"
        case Code():
            return f"code {value.digest}"
        case _:
            return repr(value)
