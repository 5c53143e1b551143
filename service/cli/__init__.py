"""`python -m service`: the service's own functions from a shell, over the same validation as HTTP.

Only the command line is read here: what a command needs is imported when the command is known.
"""

import os
import sys
from collections.abc import Sequence

from service.cli.arguments import parsed

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 where it was done; 1 where the service refused it, or where a run that was waited for did not succeed; 2 for
    wrong use or no database. Whoever reads standard output may stop reading: BrokenPipeError is the caller's.
    """
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments, user=os.environ.get("PLINTH_USER"))
        from service.cli.perform import perform

        return perform(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as ended:
        # argparse ends the process after `--help` and after a complaint.
        return ended.code if isinstance(ended.code, int) else 0
