"""Serves the components as a Pulumi package, or writes the package's schema: `python -m components schema`."""

import sys
from pathlib import Path


def main() -> None:
    """Does as the first argument says."""
    from components.plugin import SCHEMA, committed, serve

    if sys.argv[1:] == ["schema"]:
        SCHEMA.write_text(committed())
    else:
        serve(sys.argv[1:])


if __name__ == "__main__":
    # Pulumi runs the folder by its path, and Python then imports from inside it: `packaging` would be this package's.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main()
