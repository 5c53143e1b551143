"""One Lambda function in tenant isolation mode: Lambda gives each run an execution environment of its own."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from service.runs.runners.invocation import LambdaClients, invoke
from service.runs.sandbox import RunOutcome, RunRequest


class TenantFunction:
    """A SandboxRunner whose sandbox is the environment that Lambda makes for the run's id as the tenant.

    Lambda never gives the environment of a tenant to another, and no run is a tenant twice. It takes idle ones away in
    its own time and tells nobody, so that a destruction is never confirmed.
    """

    def __init__(self, function: str, clients: LambdaClients) -> None:
        self._function = function
        self._clients = clients

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:  # noqa: ARG002
        """The tenant's id: there is nothing to make."""
        return str(run_id)

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Invoke the function for that tenant, once."""
        return invoke(self._clients.invoke, self._function, request, tenant=sandbox)

    def destroy(self, sandbox: str) -> bool:  # noqa: ARG002
        """False: nothing can be destroyed."""
        return False

    def expired(self, now: datetime) -> Iterator[str]:  # noqa: ARG002
        """None: whatever is idle is Lambda's to take away."""
        return iter(())
