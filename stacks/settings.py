"""What one stack may choose, with units, defaults and limits. A wrong choice fails before anything is registered."""

from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Self

import pulumi

from stacks.rules import COMBINATIONS, VALUES


class SettingsError(ValueError):
    """A setting is out of range: the message names the stack, the setting and its value, and says what to give."""


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """The settings of one stack. Those without a default are the ones that every stack has to think about."""

    stack: str
    """The stack's name: the folder in stacks/, and a part of every physical name."""

    region: str
    """The AWS region."""

    account_id: str
    """The AWS account, 12 digits."""

    zones: str
    """Letters of the availability zones to use, such as `ab`. Two or three."""

    protect_data: bool
    """Whether the database resists deletion, by AWS and by Pulumi, and goes on running where it is taken out of the
    program. To delete a stack, deploy it without this first."""

    log_retention_days: int
    """Days that logs are kept; one of the values CloudWatch knows."""

    network_cidr: str = "10.0.0.0/16"
    """The network's IPv4 range. Caution: as for `network_egress`."""

    network_egress: str = "endpoints"
    """How functions reach AWS's own services. `endpoints`: by an interface endpoint for each of them, and nothing else
    can be reached: 7.30 USD a month for each service and zone. `ipv6`: through an egress-only gateway, for nothing,
    and with a way to the rest of the internet. Caution: choose before the first deployment. AWS moves neither
    a database nor published functions to another network: destroy the stack, and deploy it anew."""

    network_flow_logs: bool = False
    """Whether a record is kept of who spoke with whom in the network, and who was refused."""

    database_min_capacity: float
    """Aurora capacity units (2 GiB each) kept while idle, in steps of 0.5. 0 pauses an idle database."""

    database_max_capacity: float
    """Aurora capacity units at full load, in steps of 0.5."""

    database_instances: int
    """The writer and its readers. Two or more survive the loss of a zone within a minute."""

    database_backup_days: int
    """Days that the continuous backup reaches back."""

    database_login: str = "password"
    """How the functions log in to the database. `password`: as a role whose password lies in a secret. `iam`: with
    tokens that each makes for itself from its own role, so that there is no password to store and to rotate."""

    database_former_login: str | None = None
    """The login that `database_login` takes the place of, for the one deployment in which both work."""

    database_proxy: bool = False
    """Whether functions reach the database through RDS Proxy, which shares connections among more of them than the
    database takes: from 0.12 USD an hour. It keeps the database awake."""

    rate_limit_ecpu_per_second: int = 1000
    """Upper limit of the counter store's processing units a second. One request takes about three: it counts
    for its address, its user or key, and with a key for all keys of the user."""

    api_memory_mb: int = 512
    """Memory of an instance of the API in MB; processor time grows with it."""

    api_timeout_seconds: int = 20
    """Seconds that a request may take. The gateway gives up after 30."""

    api_reserved_concurrency: int | None = None
    """Instances of the API at most, taken out of the account's; None shares them."""

    api_kept_version: str | None = None
    """An older version of the API that goes on serving `api_kept_share` of the requests while a new one is tried."""

    api_kept_share: float = 0
    """The share of requests, above 0 and below 1, that `api_kept_version` serves."""

    api_domain: str | None = None
    """The domain that the API answers on, such as `api.example.com`; None: on the address that AWS gives it."""

    api_domain_zone_id: str | None = None
    """The Route 53 zone of `api_domain`, for its records and those that prove to ACM whose it is."""

    api_certificate_arn: str | None = None
    """A certificate for `api_domain` that exists already; None: one is made, which takes the zone."""

    api_snap_start: bool = True
    """Whether the API starts from a snapshot: a cold start of well under a second for about 2 USD a month."""

    worker_memory_mb: int = 512
    """Memory of an instance of the worker in MB."""

    worker_timeout_seconds: int = 120
    """Seconds that one run may take in all: the sandbox made, the code run, the sandbox deleted."""

    worker_concurrency: int
    """Runs at once; the rest waits in the queue. With `ephemeral` more than about 20 gain nothing: a run makes two of
    the 15 control calls a second that Lambda takes from a whole account, and lasts some three seconds."""

    queue_max_receives: int = 5
    """Attempts at a run that fails for reasons of ours before it ends as `error`, and deliveries of a message that
    cannot be handled at all before it is set aside in the dead-letter queue."""

    reaper_minutes: int = 1
    """Minutes from one pass of the reaper to the next: how long what a lost worker left behind may stay."""

    sandbox_isolation: str = "ephemeral"
    """How untrusted code is kept apart. `ephemeral`: a function made for one run and deleted after it. `tenant`: one
    function, of which Lambda gives each run an environment of its own. `microvm`: a virtual machine for each run."""

    sandbox_reserved_concurrency: int | None = None
    """Runs at once at most with `tenant`, taken out of the account's instances; None shares them."""

    sandbox_memory_mb: int = 512
    """Memory of one sandbox in MB. MicroVMs have 2048, whatever it says."""

    sandbox_timeout_seconds: int = 20
    """Seconds before Lambda stops a sandbox. The runner's own limit of 10 comes first."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API, such as `https://app.example.com`."""

    alarm_emails: tuple[str, ...] = ()
    """Who is told of alarms and of the budget. Each has to confirm by the link that AWS sends."""

    monthly_budget_usd: int | None = None
    """What the stack may cost a month, in USD, before `alarm_emails` are told; None: there is no budget."""

    github_repository: str | None = None
    """The GitHub repository, such as `organisation/plinth`, whose workflows may preview and deploy the stack; None:
    there are no roles for that."""

    github_oidc_provider_arn: str | None = None
    """The account's identity provider for GitHub, where another stack made it: an account has one."""

    github_state_bucket_arn: str | None = None
    """The bucket that Pulumi keeps the stack's state in, which the roles for workflows then may use; None: the state
    is elsewhere, and previews and deployments from GitHub need another way to it."""

    github_secrets_key_arn: str | None = None
    """The KMS key that encrypts the secrets of the state, which the roles for workflows then may decrypt with; None:
    something else encrypts them."""

    permissions_boundary_arn: str | None = None
    """The permissions boundary of every role of the stack but the two of `github_repository`, which then make and
    change no role without it. None: whoever deploys can give a role of the stack any right. It is an administrator's
    policy, and is made before the stack: see docs/operations.md."""

    def __new__(cls, **given: object) -> Self:
        """Refuses names that are no settings, and asks for those that every stack has to give."""
        stack, settings = given.get("stack", "?"), {field.name: field for field in fields(cls)}
        for name in given:
            if name not in settings:
                meant = get_close_matches(name, settings, n=1)
                proposed = f"{meant[0]}, if that was meant" if meant else "one of those in stacks/settings.py"
                raise SettingsError(f"Stack {stack}: there is no setting {name}: give {proposed}.")
        for name, field in settings.items():
            if name not in given and field.default is MISSING:
                raise SettingsError(f"Stack {stack}: {name} is missing: give {VALUES[name][1]}.")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, (holds, wanted) in VALUES.items():
            self._demand(holds(getattr(self, name)), name, wanted)
        for name, holds, wanted in COMBINATIONS:
            self._demand(holds(self), name, wanted if isinstance(wanted, str) else wanted(self))

    @property
    def availability_zones(self) -> list[str]:
        """The zones by their full names, such as `eu-central-1a`."""
        return [f"{self.region}{letter}" for letter in self.zones]

    @property
    def database_connections(self) -> int | None:
        """Connections that all functions open at most, one an instance; None where nothing bounds the API's."""
        if self.api_reserved_concurrency is None:
            return None
        return self.api_reserved_concurrency + self.worker_concurrency + _OTHER_CONNECTIONS

    def _demand(self, holds: bool, name: str, wanted: str) -> None:
        if not holds:
            raise SettingsError(f"Stack {self.stack}: {name} is {getattr(self, name)!r}: give {wanted}.")


_OTHER_CONNECTIONS = 4
"""Those of migrate, of the shell, and of the reaper, of which two passes may meet."""


def configured_region() -> str:
    """`aws:region` of the stack's configuration file."""
    return pulumi.Config("aws").require("region")


def configured_account() -> str:
    """`plinth:accountId` of the stack's configuration file."""
    return pulumi.Config("plinth").require("accountId")
