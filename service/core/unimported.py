"""What of its dependencies the service never imports, so that its layer goes without.

Standard library only: the infrastructure program reads it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

UNIMPORTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws_lambda_powertools/event_handler/openapi/swagger_ui": "pages of its own API; those of ours are elsewhere",
        "cffi": "compiles bindings to C: those of argon2 are compiled, and load `_cffi_backend` alone",
        "dns": "asks for the mail servers of an address: only how addresses are written is looked at",
        "pycparser": "reads C for cffi",
        "sqlalchemy/dialects/mssql": "another database",
        "sqlalchemy/dialects/mysql": "another database",
        "sqlalchemy/dialects/oracle": "another database",
    }
)
"""Files and folders of the layer, and why nothing misses them: together a tenth of it."""
