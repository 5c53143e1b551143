"""What holds data, what keeps it from getting lost, and for how long: by type of resource, the most precious first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Inputs = Mapping[str, Any]


def _says_nothing(_: Inputs) -> Sequence[str]:
    return ()


def _holds(_: Inputs) -> bool:
    return True


@dataclass(frozen=True)
class Holding:
    """A type that holds data."""

    noun: str
    lost: str
    """What is lost with it, as the end of `would be deleted, and … with it`."""
    softened: Callable[[Inputs], Sequence[str]] = _says_nothing
    """What AWS or the provider does before the data is gone, a clause each."""
    holds: Callable[[Inputs], bool] = _holds
    """Whether a resource of the type has data of its own that goes with it."""


@dataclass(frozen=True)
class Guard:
    """A property that protects data, or says how long it is kept."""

    path: tuple[str, ...]
    is_weaker: Callable[[Any, Any], bool]
    """Whether the value after protects less than the one before. Neither is unknown."""
    default: Any
    """What it is where the program says nothing."""
    unit: str = ""
    """Of a number: `days`."""
    unlimited: Sequence[Any] = ()
    """The numbers that mean for ever."""

    @property
    def label(self) -> str:
        return ".".join(self.path)


def _final_snapshot(inputs: Inputs) -> Sequence[str]:
    protected = _refused_while("deletionProtection", True)(inputs)
    if inputs.get("skipFinalSnapshot") is True:
        return (*protected, "no last snapshot is taken")
    if isinstance(name := inputs.get("finalSnapshotIdentifier"), str):
        return (*protected, f"a last snapshot is left as {name}")
    return (*protected, "the provider fails unless there is a finalSnapshotIdentifier or skipFinalSnapshot is on")


def _named_snapshot(inputs: Inputs) -> Sequence[str]:
    name = inputs.get("finalSnapshotIdentifier")
    return (f"a last snapshot is left as {name}" if isinstance(name, str) else "no last snapshot is taken",)


def _volume_snapshot(inputs: Inputs) -> Sequence[str]:
    return ("a last snapshot is taken" if inputs.get("finalSnapshot") is True else "no last snapshot is taken",)


def _refused_while(name: str, value: Any) -> Callable[[Inputs], Sequence[str]]:
    return lambda inputs: (f"AWS refuses while {name} is on",) if inputs.get(name) == value else ()


def _table_backup(inputs: Inputs) -> Sequence[str]:
    recovery = inputs.get("pointInTimeRecovery")
    recoverable = isinstance(recovery, Mapping) and cast("Inputs", recovery).get("enabled") is True
    backup = "DynamoDB keeps a backup of it for 35 days" if recoverable else "no backup of it is kept"
    return (*_refused_while("deletionProtectionEnabled", True)(inputs), backup)


def _emptied(switch: str, contents: str) -> Callable[[Inputs], Sequence[str]]:
    return lambda inputs: (
        f"{switch} empties it first" if inputs.get(switch) is True else f"AWS refuses while {contents} are in it",
    )


def _brought_back_within(name: str) -> Callable[[Inputs], Sequence[str]]:
    def softened(inputs: Inputs) -> Sequence[str]:
        days = inputs.get(name, 30)
        if days == 0:
            return ("nobody can bring it back",)
        return (f"AWS can bring it back for {days} days",) if _is_number(days) else ()

    return softened


def _is_no_replica(inputs: Inputs) -> bool:
    return inputs.get("replicateSourceDb") is None


def _is_not_left(inputs: Inputs) -> bool:
    return inputs.get("skipDestroy") is not True


HOLDINGS: Mapping[str, Holding] = {
    "aws:rds/cluster:Cluster": Holding("database cluster", "all its databases", _final_snapshot),
    "aws:rds/instance:Instance": Holding("database", "everything in it", _final_snapshot, _is_no_replica),
    "aws:docdb/cluster:Cluster": Holding("document database cluster", "all its databases", _final_snapshot),
    "aws:neptune/cluster:Cluster": Holding("graph database cluster", "all its graphs", _final_snapshot),
    "aws:dynamodb/table:Table": Holding("table", "everything in it", _table_backup),
    "aws:cognito/userPool:UserPool": Holding(
        "user pool", "all its users", _refused_while("deletionProtection", "ACTIVE")
    ),
    "aws:s3/bucket:Bucket": Holding("bucket", "everything in it", _emptied("forceDestroy", "objects")),
    "aws:efs/fileSystem:FileSystem": Holding("file system", "all its files"),
    "aws:ebs/volume:Volume": Holding("volume", "everything on it", _volume_snapshot),
    "aws:secretsmanager/secret:Secret": Holding("secret", "its value", _brought_back_within("recoveryWindowInDays")),
    "aws:kms/key:Key": Holding("key", "all that is encrypted under it", _brought_back_within("deletionWindowInDays")),
    "aws:ecr/repository:Repository": Holding("image repository", "its images", _emptied("forceDelete", "images")),
    "aws:sqs/queue:Queue": Holding("queue", "the messages that nobody has handled"),
    "aws:kinesis/stream:Stream": Holding("stream", "the records that nobody has read"),
    "aws:elasticache/replicationGroup:ReplicationGroup": Holding("cache", "what it holds", _named_snapshot),
    "aws:elasticache/serverlessCache:ServerlessCache": Holding("cache", "what it holds"),
    "aws:cloudwatch/logGroup:LogGroup": Holding("log group", "its log", holds=_is_not_left),
}
"""In the order in which their risks are told."""

RESTORED = ("snapshotIdentifier", "restoreToPointInTime", "snapshotName", "snapshotArns", "snapshotArnsToRestores")
"""Properties that fill a new resource with what an older one held."""


def _switched_off(before: Any, after: Any) -> bool:
    return before is True and after is False


def _switched_on(before: Any, after: Any) -> bool:
    return before is False and after is True


def _is_no_longer(wanted: Any) -> Callable[[Any, Any], bool]:
    return lambda before, after: before == wanted and after != wanted


def _taken_away(before: Any, after: Any) -> bool:
    return before is not None and after is None


def _lowered(before: Any, after: Any) -> bool:
    return _is_number(before) and _is_number(after) and after < before


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _on(*path: str) -> Guard:
    """A switch that should stay on."""
    return Guard(path, _switched_off, default=False)


def _off(*path: str, default: bool = False) -> Guard:
    """A switch that should stay off."""
    return Guard(path, _switched_on, default=default)


def _time(*path: str, default: int, unit: str, unlimited: Sequence[int] = ()) -> Guard:
    """How long something is kept, or waits before it is gone."""
    return Guard(path, _lowered, default, unit, unlimited)


_DATABASE = (_on("deletionProtection"), _off("skipFinalSnapshot"))
_AUTOMATED = _off("deleteAutomatedBackups", default=True)

PROTECTIONS: Mapping[str, Sequence[Guard]] = {
    "aws:rds/cluster:Cluster": (*_DATABASE, _AUTOMATED),
    "aws:rds/instance:Instance": (*_DATABASE, _AUTOMATED),
    "aws:docdb/cluster:Cluster": _DATABASE,
    "aws:neptune/cluster:Cluster": _DATABASE,
    "aws:dynamodb/table:Table": (_on("deletionProtectionEnabled"), _on("pointInTimeRecovery", "enabled")),
    "aws:cognito/userPool:UserPool": (Guard(("deletionProtection",), _is_no_longer("ACTIVE"), "INACTIVE"),),
    "aws:s3/bucket:Bucket": (_on("versioning", "enabled"), _off("forceDestroy")),
    "aws:s3/bucketVersioning:BucketVersioning": (
        Guard(("versioningConfiguration", "status"), _is_no_longer("Enabled"), "Disabled"),
    ),
    "aws:ebs/volume:Volume": (_on("finalSnapshot"),),
    "aws:secretsmanager/secret:Secret": (_time("recoveryWindowInDays", default=30, unit="days"),),
    "aws:kms/key:Key": (_time("deletionWindowInDays", default=30, unit="days"),),
    "aws:ecr/repository:Repository": (_off("forceDelete"),),
    "aws:sqs/queue:Queue": (Guard(("redrivePolicy",), _taken_away, None),),
    "aws:elasticache/replicationGroup:ReplicationGroup": (Guard(("finalSnapshotIdentifier",), _taken_away, None),),
    "aws:cloudwatch/logGroup:LogGroup": (_on("deletionProtectionEnabled"), _on("skipDestroy")),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        Guard(("destinationConfig", "onFailure"), _taken_away, None),
    ),
    "aws:scheduler/schedule:Schedule": (Guard(("target", "deadLetterConfig"), _taken_away, None),),
}
"""What keeps data from getting lost by mistake."""

RETENTION: Mapping[str, Sequence[Guard]] = {
    "aws:rds/cluster:Cluster": (_time("backupRetentionPeriod", default=1, unit="days"),),
    "aws:rds/instance:Instance": (_time("backupRetentionPeriod", default=0, unit="days"),),
    "aws:docdb/cluster:Cluster": (_time("backupRetentionPeriod", default=1, unit="days"),),
    "aws:neptune/cluster:Cluster": (_time("backupRetentionPeriod", default=1, unit="days"),),
    "aws:dynamodb/table:Table": (_time("pointInTimeRecovery", "recoveryPeriodInDays", default=35, unit="days"),),
    "aws:sqs/queue:Queue": (_time("messageRetentionSeconds", default=345_600, unit="seconds"),),
    "aws:kinesis/stream:Stream": (_time("retentionPeriod", default=24, unit="hours"),),
    "aws:elasticache/replicationGroup:ReplicationGroup": (_time("snapshotRetentionLimit", default=0, unit="days"),),
    "aws:elasticache/serverlessCache:ServerlessCache": (_time("snapshotRetentionLimit", default=0, unit="days"),),
    "aws:cloudwatch/logGroup:LogGroup": (_time("retentionInDays", default=0, unit="days", unlimited=(0,)),),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        _time("maximumRecordAgeInSeconds", default=-1, unit="seconds", unlimited=(-1,)),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        _time("maximumEventAgeInSeconds", default=21_600, unit="seconds"),
    ),
}
"""How long data is kept."""

DISABLED: Mapping[str, Sequence[Guard]] = {
    "aws:kms/key:Key": (Guard(("isEnabled",), _switched_off, True),),
}
"""What makes data unreadable for as long as it is off."""

GUARDIANS: Mapping[str, str] = {
    "aws:s3/bucketVersioning:BucketVersioning": "versions of its bucket's objects are no longer kept",
    "aws:sqs/redrivePolicy:RedrivePolicy": "messages of its queue that fail are no longer put aside",
}
"""Types that are a protection in themselves, and what happens once they are deleted."""

NOUNS: Mapping[str, str] = {
    "aws:lambda/eventSourceMapping:EventSourceMapping": "event source mapping",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "handling of asynchronous calls",
    "aws:s3/bucketVersioning:BucketVersioning": "bucket versioning",
    "aws:scheduler/schedule:Schedule": "schedule",
    "aws:sqs/redrivePolicy:RedrivePolicy": "redrive policy",
}
"""What types are called that hold no data themselves."""
