"""What the Pulumi engine runs: it serves the rules until the engine ends it."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _import_the_pack() -> None:
    """Makes this folder importable as `policies`, wherever it lies: a published pack is alone, under another name."""
    folder = Path(__file__).resolve().parent
    spec = spec_from_file_location("policies", folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package.")
    module = module_from_spec(spec)
    sys.modules["policies"] = module
    spec.loader.exec_module(module)


_import_the_pack()

from pulumi_policy import PolicyPack  # noqa: E402

from policies.pack import NAME, policies  # noqa: E402

PolicyPack(NAME, [*policies()])
