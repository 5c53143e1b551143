"""What `pulumi up` runs: the package named after the stack, and nothing else."""

from importlib import import_module
from importlib.util import find_spec

import pulumi

stack = pulumi.get_stack()
if find_spec(f"stacks.{stack}") is None:
    raise pulumi.RunError(f"There is no stack {stack!r}: make stacks/{stack}/__init__.py, or select another stack.")
import_module(f"stacks.{stack}").deploy()
