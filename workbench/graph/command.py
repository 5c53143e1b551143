"""A stack, evaluated and drawn."""

import secrets

from workbench.diff.snapshot import snapshot_of
from workbench.graph.mermaid import mermaid
from workbench.graph.picture import picture
from workbench.graph.svg import svg
from workbench.offline import manifest_of
from workbench.project import configuration


def drawn(stack: str, format_: str) -> str:
    """A stack of this checkout as `mermaid` or `svg`. Raises UserError where there is none, or it does not evaluate."""
    manifest = manifest_of(stack)
    found = picture(snapshot_of(manifest, configuration(stack).region, secrets.token_bytes(32)))
    return svg(found) if format_ == "svg" else mermaid(found)
