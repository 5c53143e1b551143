"""A stack's manifest with nothing behind it: no credentials, no network, no package built."""

import os
from pathlib import Path

from workbench.evaluate import evaluate_stack
from workbench.manifest import Manifest
from workbench.placeholders import Placeholders
from workbench.project import ROOT, configuration, require_stack


def manifest_of(stack: str, root: Path = ROOT) -> Manifest:
    """Evaluates a stack of a checkout with placeholders for what only a deployment knows."""
    require_stack(stack, root)
    os.environ["PLINTH_PACKAGES"] = "describe"
    config = configuration(stack, root)
    return evaluate_stack(stack, Placeholders(config.region, config.account), root)
