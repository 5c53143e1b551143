"""What the documentation page is made of. Everything comes from the API's own origin: people type their passwords and
tokens into this page, so that nobody else's server may decide what runs in it."""

import base64
import hashlib
import json
from functools import lru_cache
from typing import Final

KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Headers of the files. The page asks for them by their version."""

_PARAMETERS: Final = {
    "url": "/openapi.json",
    "dom_id": "#page",
    "deepLinking": True,
    "displayRequestDuration": True,
    "filter": True,
    "requestSnippetsEnabled": True,
    "tryItOutEnabled": True,
    "validatorUrl": None,
}
"""See Swagger UI's documentation of its configuration."""

_START: Final = f"SwaggerUIBundle({json.dumps(_PARAMETERS)})"

_HTML: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plinth API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css?v=VERSION">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js?v=VERSION"></script>
<script>START</script>
</body>
</html>
"""


@lru_cache
def html() -> str:
    """The page."""
    # A few milliseconds that only readers of the page need.
    from importlib.metadata import version

    return _HTML.replace("VERSION", version("fastapi-swagger")).replace("START", _START)


@lru_cache
def policy() -> str:
    """The page's Content-Security-Policy: the only script in it is the one written here."""
    digest = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@lru_cache
def file(name: str) -> bytes:
    """One of Swagger UI's files, as its authors published it."""
    from importlib.resources import files

    return files("fastapi_swagger.resources").joinpath(name).read_bytes()
