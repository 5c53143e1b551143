"""A stack's manifest with nothing behind it: no credentials, no network, no package built."""

import os

from workbench.evaluate import evaluate_stack
from workbench.manifest import Manifest
from workbench.placeholders import Placeholders
from workbench.project import configuration, require_stack


def manifest_of(stack: str) -> Manifest:
    """Evaluates a stack with placeholders for what only a deployment knows."""
    require_stack(stack)
    os.environ["PLINTH_PACKAGES"] = "describe"
    config = configuration(stack)
    return evaluate_stack(stack, Placeholders(config.region, config.account))
