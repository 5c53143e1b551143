"""The program can be run by the engine without credentials, and its parts cannot get in each other's way."""

import ast
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.work_queue import WorkQueue
from tests.support.evaluation import REGION, deploy
from workbench.evaluate import ROOT, ProgramError, evaluate_stack
from workbench.placeholders import Placeholders
from workbench.project import configuration, stack_names

PROGRAM = [*sorted((ROOT / "components").rglob("*.py")), *sorted((ROOT / "stacks").rglob("*.py"))]


def applied(tree: ast.Module) -> Iterator[ast.AST]:
    """What the module hands to `.apply`: the lambdas, and the functions of the module by their names."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply":
            for argument in node.args:
                name = getattr(argument, "attr", None) or getattr(argument, "id", None)
                yield functions.get(str(name), argument)


def calls(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_nothing_is_made_inside_apply() -> None:
    found = {
        f"{path.name}: {call}"
        for path in PROGRAM
        for function in applied(ast.parse(path.read_text()))
        for call in calls(function)
        if call.startswith(("aws.", "awsx.")) or call[:1].isupper()
    }
    assert found == set()


def made_while_applying(monkeypatch: pytest.MonkeyPatch, evaluation: Callable[[], object]) -> list[str]:
    """The names of the resources that an evaluation makes inside the function of an apply."""
    applying, made = ContextVar("applying", default=False), list[str]()
    apply, init = pulumi.Output.apply, pulumi.Resource.__init__

    def watched_apply(output: pulumi.Output[Any], func: Callable[[Any], Any], *rest: Any) -> pulumi.Output[Any]:
        def inside(value: Any) -> Any:
            token = applying.set(True)
            try:
                return func(value)
            finally:
                applying.reset(token)

        return apply(output, inside, *rest)

    def watched_init(resource: pulumi.Resource, type_: str, name: str, *rest: Any, **more: Any) -> None:
        if applying.get():
            made.append(name)
        init(resource, type_, name, *rest, **more)

    monkeypatch.setattr(pulumi.Output, "apply", watched_apply)
    monkeypatch.setattr(pulumi.Resource, "__init__", watched_init)
    evaluation()
    return made


@pytest.mark.parametrize("stack", stack_names())
def test_no_stack_makes_a_resource_while_an_output_is_applied(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    config = configuration(stack)
    provider = Placeholders(config.region, config.account)
    assert made_while_applying(monkeypatch, lambda: evaluate_stack(stack, provider)) == []


def test_a_resource_inside_apply_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def program() -> None:
        queue = WorkQueue("outside", {})
        pulumi.export("inside", queue.url.apply(lambda _: WorkQueue("inside", {}).url))

    found = made_while_applying(monkeypatch, lambda: deploy(program))
    assert {name.partition("-")[0] for name in found} == {"inside"}


def test_no_provider_is_asked_anything() -> None:
    found = {
        f"{path.name}: {call}"
        for path in PROGRAM
        for call in calls(ast.parse(path.read_text()))
        if call.startswith(("aws.", "awsx.")) and call.rpartition(".")[2].startswith("get")
    }
    assert found == set()


def test_annotations_stay_types_so_that_the_schema_infers() -> None:
    found = [path.name for path in PROGRAM if "from __future__ import annotations" in path.read_text()]
    assert found == []


def test_no_module_of_the_program_hides_one_of_the_standard_library() -> None:
    names = {path.stem for path in (ROOT / "stacks").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names & sys.stdlib_module_names == set()


def test_a_stack_without_a_package_says_what_to_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    (tmp_path / "Pulumi.yaml").write_text("name: plinth\nmain: stacks\nstackConfigDir: stacks\n")
    (tmp_path / "stacks" / "elsewhere").mkdir(parents=True)
    (tmp_path / "stacks" / "elsewhere" / "__init__.py").touch()
    (tmp_path / "stacks" / "__main__.py").write_text((ROOT / "stacks" / "__main__.py").read_text())
    (tmp_path / "stacks" / "Pulumi.elsewhere.yaml").write_text(f"config:\n  aws:region: {REGION}\n")
    with pytest.raises(ProgramError, match=r"no stack 'elsewhere': make stacks/elsewhere/__init__\.py, or"):
        evaluate_stack("elsewhere", Placeholders("eu-central-1", "111111111111"), root=tmp_path)
