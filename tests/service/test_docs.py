"""The documentation page runs nobody else's code, and can call the API that it stands beside."""

import base64
import hashlib
import re

from fastapi.testclient import TestClient


def test_the_page_loads_only_what_the_api_itself_serves(client: TestClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [address.partition("?")[0] for address in addresses] == [
        "data:,",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
    ]
    for address in addresses[1:]:
        served = client.get(address)
        assert served.status_code == 200
        assert served.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_new_swagger_ui_has_an_address_of_its_own(client: TestClient) -> None:
    assert len(set(re.findall(r"\?v=(\d+\.\d+\.\d+)\"", client.get("/docs").text))) == 1


def test_the_page_s_policy_lets_its_own_script_run_and_no_other(client: TestClient) -> None:
    page = client.get("/docs")
    [start] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(start.encode()).digest()).decode()
    assert page.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert page.headers["cache-control"] == "no-store"


def test_the_files_are_swagger_ui_5_which_knows_openapi_3_1(client: TestClient) -> None:
    script = client.get("/docs/swagger-ui-bundle.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert re.search(r'PACKAGE_VERSION:"5\.', script.text)
    style = client.get("/docs/swagger-ui.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert ".swagger-ui" in style.text


def test_the_page_shows_the_document_and_can_authorize_with_either_credential(client: TestClient) -> None:
    assert '"url": "/openapi.json"' in client.get("/docs").text
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    schemes = document["components"]["securitySchemes"]
    assert schemes["OAuth2"]["flows"]["password"]["tokenUrl"] == "/v1/auth/token"
    assert schemes["ApiKey"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def test_the_page_leaves_no_password_in_the_browser(client: TestClient) -> None:
    # Swagger UI would keep the form of a sign-in, password and all, in the browser's local storage.
    assert "persistAuthorization" in client.get("/docs/swagger-ui-bundle.js").text
    assert "persistAuthorization" not in client.get("/docs").text
