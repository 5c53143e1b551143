"""How one resource's inputs hold another one: by placeholder, or by an ARN that stands for the real one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, cast

from workbench.diff.ignored import is_ignored
from workbench.diff.model import Path
from workbench.diff.snapshot import Entry, Snapshot
from workbench.placeholders import arn

_KNOWN_BY_NAME: Final[Mapping[str, str]] = {
    "aws:cloudwatch/eventRule:EventRule": "name",
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "name",
    "aws:dynamodb/table:Table": "name",
    "aws:iam/instanceProfile:InstanceProfile": "name",
    "aws:iam/policy:Policy": "name",
    "aws:iam/role:Role": "name",
    "aws:iam/user:User": "name",
    "aws:lambda/function:Function": "name",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/instance:Instance": "identifier",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:sns/topic:Topic": "name",
    "aws:sqs/queue:Queue": "name",
}
"""Types whose ids and ARNs are made of a name and of nothing random, by the input that gives it."""

_OF_THE_NAME: Final = ("arn", "bucket", "clusterIdentifier", "id", "identifier", "invokeArn", "name", "url")

VERSIONS: Final[Mapping[str, Sequence[str]]] = {
    "aws:lambda/function:Function": ("qualifiedArn", "qualifiedInvokeArn", "version"),
}
"""Outputs that name a version of a resource: another one with every update that makes a version."""

_NO_ACCOUNT: Final = "no account"


class References:
    """What of a resource that is made anew others hold, and which of it is another one afterwards."""

    def __init__(self, before: Entry | None, after: Entry, head: Snapshot) -> None:
        self._before, self._after, self._head = before, after, head

    def changing_in(self, text: str) -> str | None:
        """The first thing in a text that changes as the resource is made anew, or None."""
        for output in self._outputs_in(text):
            if not self._stays or output not in _OF_THE_NAME:
                return f"{self._token}{output}}}"
        if self._stays or "arn:aws:" not in text:
            return None
        found = self._arn.search(text)
        return found[0] if found else None

    def moving_in(self, text: str) -> str | None:
        """The first thing in a text that changes as the resource is updated, or None."""
        moving = VERSIONS.get(self._after.type, ())
        return next((f"{self._token}{output}}}" for output in self._outputs_in(text) if output in moving), None)

    def _outputs_in(self, text: str) -> Iterator[str]:
        start = text.find(self._token)
        while start >= 0:
            start += len(self._token)
            end = text.find("}", start)
            yield text[start:end] if end >= 0 else text[start:]
            start = text.find(self._token, start)

    @cached_property
    def _token(self) -> str:
        return f"${{{self._after.type}::{self._after.name}."

    @cached_property
    def _arn(self) -> re.Pattern[str]:
        return arn_pattern(self._after, self._head.region)

    @cached_property
    def _stays(self) -> bool:
        """Whether the resource goes by the same name as before, however often it is made anew."""
        key = _KNOWN_BY_NAME.get(self._after.type)
        if key is None or self._before is None or is_ignored((key,), self._after.ignore_changes):
            return False
        name = self._after.inputs.get(key)
        return isinstance(name, str) and self._before.inputs.get(key) == name


def arn_pattern(entry: Entry, region: str) -> re.Pattern[str]:
    """Matches the ARN that stands for an entry's own, in any account, and not a longer one."""
    made = arn(entry.type, entry.name, entry.inputs, region, _NO_ACCOUNT)
    return re.compile(re.escape(made).replace(re.escape(_NO_ACCOUNT), r"(\d*)") + r"(?![\w.-])")


def makes_a_version(entry: Entry, path: Path) -> bool:
    """Whether a change of the property at `path` makes another version of a resource."""
    unversioned = ("tags", "reservedConcurrentExecutions", "replaceSecurityGroupsOnDestroy", "skipDestroy")
    return entry.type in VERSIONS and entry.inputs.get("publish") is True and path[0] not in unversioned


class Renames:
    """Makes the base speak of renamed resources by their new names, so that their users do not seem to change."""

    def __init__(self, former: Mapping[str, str], base: Snapshot, head: Snapshot) -> None:
        before, after = base.by_urn(), head.by_urn()
        self._renamed: dict[str, tuple[Entry, Entry]] = {}
        for new, old in former.items():
            if (before[old].type, before[old].name) != (after[new].type, after[new].name):
                self._renamed[old] = (before[old], after[new])
        self._base, self._head = base, head

    def inputs(self, entry: Entry) -> Mapping[str, Any]:
        """An entry's inputs in the base, as the head would call what they are made of."""
        if not self._renamed:
            return entry.inputs
        read: dict[str, Any] = {}
        for name, value in entry.inputs.items():
            pairs = [self._renamed[urn] for urn in entry.property_dependencies.get(name, ()) if urn in self._renamed]
            read[name] = self._rewritten(value, pairs) if pairs else value
        return read

    def outputs(self) -> Mapping[str, Any]:
        """The outputs of the base, likewise."""
        return self._rewritten(dict(self._base.outputs), list(self._renamed.values()))

    def _rewritten(self, value: Any, pairs: list[tuple[Entry, Entry]]) -> Any:
        match value:
            case str() if "${" in value or "arn:aws:" in value:
                for old, new in pairs:
                    value = self._renamed_in(value, old, new)
                return value
            case dict():
                return {key: self._rewritten(item, pairs) for key, item in cast("dict[str, Any]", value).items()}
            case list():
                return [self._rewritten(item, pairs) for item in cast("list[Any]", value)]
            case _:
                return value

    def _renamed_in(self, text: str, old: Entry, new: Entry) -> str:
        text = text.replace(f"${{{old.type}::{old.name}.", f"${{{new.type}::{new.name}.")
        if not _is_named_by_pulumi(old) or not _is_named_by_pulumi(new):
            return text  # its name on AWS is an input, and changes or stays as that does
        made = arn(new.type, new.name, new.inputs, self._head.region, _NO_ACCOUNT)
        return arn_pattern(old, self._base.region).sub(
            lambda found: made.replace(_NO_ACCOUNT, found[1] if found.re.groups else ""), text
        )


def _is_named_by_pulumi(entry: Entry) -> bool:
    """Whether the ARN that stands for its own is made of its name in the program."""
    return arn(entry.type, "a", entry.inputs, "", "") != arn(entry.type, "b", entry.inputs, "", "")
