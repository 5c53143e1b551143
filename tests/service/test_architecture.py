"""The rules that keep the service's layers apart, read from the source."""

import ast
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
HTTP = {"fastapi", "starlette", "slowapi", "mangum"}


def imports(module: Path) -> set[str]:
    """The top-level packages that a module imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    "module",
    [
        path
        for name in ("service", "repository", "models", "schemas", "execute", "sandbox")
        for path in sorted(ROOT.glob(f"*/{name}.py"))
    ],
    ids=lambda path: f"{path.parent.name}.{path.stem}",
)
def test_what_a_service_is_made_of_knows_neither_http_nor_aws(module: Path) -> None:
    assert imports(module).isdisjoint(HTTP | {"boto3", "botocore"})


@pytest.mark.parametrize("module", sorted(ROOT.glob("*/router.py")), ids=lambda path: path.parent.name)
def test_routers_hold_no_queries_and_short_endpoints(module: Path) -> None:
    tree = ast.parse(module.read_text())
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert called.isdisjoint({"execute", "scalars", "scalar", "add", "flush", "commit"})
    assert "sqlalchemy" not in imports(module)
    endpoints = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    # A docstring and at most five statements.
    assert max(len(endpoint.body) for endpoint in endpoints) <= 6


def test_the_application_module_has_no_path_operations() -> None:
    tree = ast.parse((ROOT / "main.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert all(not function.decorator_list for function in functions)


def test_services_and_repositories_never_commit() -> None:
    for module in [*ROOT.glob("*/service.py"), *ROOT.glob("*/repository.py")]:
        attributes = {node.attr for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Attribute)}
        assert "commit" not in attributes, module


@pytest.mark.parametrize("module", ["core/limits_table.py", "migrations/__init__.py"])
def test_what_the_infrastructure_reads_needs_only_the_standard_library(module: str) -> None:
    assert imports(ROOT / module) <= {"collections", "dataclasses", "types", "typing", "re", "pathlib"}
