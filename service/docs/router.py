"""The /docs page and the files that it loads, for everybody and outside the OpenAPI document."""

from fastapi import APIRouter, Response

from service.core.limits import limit
from service.docs import page

router = APIRouter(prefix="/docs", include_in_schema=False)


@router.get("")
@limit("GET /docs")
def read_docs() -> Response:
    """The page."""
    return Response(page.html(), media_type="text/html", headers={"Content-Security-Policy": page.policy()})


@router.get("/swagger-ui.css")
@limit("GET /docs/swagger-ui.css")
def read_docs_style() -> Response:
    """Swagger UI's style sheet."""
    return Response(page.file("swagger-ui.css"), media_type="text/css", headers=page.KEPT)


@router.get("/swagger-ui-bundle.js")
@limit("GET /docs/swagger-ui-bundle.js")
def read_docs_script() -> Response:
    """Swagger UI itself."""
    return Response(page.file("swagger-ui-bundle.js"), media_type="text/javascript", headers=page.KEPT)
