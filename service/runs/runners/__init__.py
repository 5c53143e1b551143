"""The sandbox runners: one adapter a kind of isolation, and the choice among them."""

from functools import lru_cache

from service.core.settings import Settings, get_settings
from service.runs.sandbox import SandboxRunner


@lru_cache
def sandbox_runner() -> SandboxRunner:
    """The sandbox runner that SANDBOX_ISOLATION names. Raises RuntimeError where a setting of it is missing."""
    settings = get_settings()
    # Each adapter is imported by those who chose it: only one of them needs no AWS.
    match settings.sandbox_isolation:
        case "ephemeral":
            from service.runs.runners.ephemeral import EphemeralFunction
            from service.runs.runners.invocation import LambdaClients

            return EphemeralFunction(_needed(settings, "sandbox_function"), LambdaClients.make())
        case "tenant":
            from service.runs.runners.invocation import LambdaClients
            from service.runs.runners.tenant import TenantFunction

            return TenantFunction(_needed(settings, "sandbox_function"), LambdaClients.make())
        case "microvm":
            from service.runs.runners.microvm import MicroVm, microvms

            image = _needed(settings, "sandbox_image")
            return MicroVm(image, _needed(settings, "sandbox_egress_connector"), microvms())
        case "container":
            from service.runs.runners.container import Container

            return Container(_needed(settings, "sandbox_addresses").split())
        case "subprocess":
            from service.runs.runners.child_process import ChildProcess

            return ChildProcess()


def _needed(settings: Settings, name: str) -> str:
    value: str | None = getattr(settings, name)
    if not value:
        raise RuntimeError(
            f"{name.upper()} is not set: the isolation {settings.sandbox_isolation!r} does not know where scripts run"
        )
    return value
