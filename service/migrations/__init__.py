"""The database's schema, revision by revision, in files named `NNNN_slug.py`. Standard library only here."""

import re
from pathlib import Path

_VERSIONS = Path(__file__).with_name("versions")


def head_revision() -> str:
    """The newest revision: what triggers a migration when a stack is deployed."""
    return max(match[1] for file in _VERSIONS.iterdir() if (match := re.fullmatch(r"(\d{4})_\w+\.py", file.name)))
