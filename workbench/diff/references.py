"""How one resource's inputs hold another one: by placeholder, or by an ARN that stands for the real one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from workbench.diff.ignored import is_ignored
from workbench.diff.model import Path
from workbench.diff.replacement_components import COMPONENTS
from workbench.diff.snapshot import Entry, Snapshot
from workbench.manifest import rewritten
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

_NAMED_BY: Final[Mapping[str, str | None]] = {
    "aws:elasticache/cluster:Cluster": "clusterId",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:lambda/permission:Permission": "statementId",
    "aws:mq/broker:Broker": "brokerName",
    "aws:opensearch/domain:Domain": "domainName",
    "aws:rds/instance:Instance": "identifier",
    "aws:route53/record:Record": None,
    "aws:s3/bucket:Bucket": "bucket",
}
"""The input by which Pulumi names a resource where the program does not; of all other types of AWS it is `name`.

From pulumi-aws, provider/resources.go. One that the program names is deleted before the next one is made (pulumi's
Terraform bridge, `nameRequiresDeleteBeforeReplace`).
"""

_OF_THE_NAME: Final = ("arn", "bucket", "clusterIdentifier", "id", "identifier", "invokeArn", "name", "url")

VERSIONS: Final[Mapping[str, Sequence[str]]] = {
    "aws:lambda/function:Function": ("qualifiedArn", "qualifiedInvokeArn", "version"),
}
"""Outputs that name a version of a resource: another one with every update that makes a version."""

_NO_ACCOUNT: Final = "no account"

_BEGINS = re.compile(r"\$\{|(?P<arn>arn:aws:[\w-]*:[\w-]*:)(?P<account>\d*)(?=:)")
_DOT = re.compile(r"\.")
_END = re.compile(r"(?![\w.-])")


class References:
    """What of a resource that is made anew others hold, and which of it is another one afterwards."""

    def __init__(self, before: Entry | None, after: Entry, head: Snapshot) -> None:
        self._before, self._after, self._head = before, after, head

    def changing_in(self, text: str) -> str | None:
        """The first thing in a text that changes as the resource is made anew, or None."""
        for output in self._outputs_in(text):
            if output.partition(".")[0] in self._inside:
                continue
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

    @cached_property
    def old_goes_first(self) -> bool:
        """Whether the next one can be made only once the old one is gone, such as where both have one name.

        With it goes what would be made anew if it did not know what it holds of the old one, whether or not that is
        another thing afterwards (pulumi/pulumi, step_generator.go, `calculateDependentReplacements`).
        """
        named_by = _NAMED_BY.get(self._after.type, "name") if self._after.type.startswith("aws:") else None
        is_named = named_by is not None and self._after.inputs.get(named_by) is not None
        return self._before is not None and (self._after.delete_before_replace or is_named or self._stays)

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
    def _inside(self) -> Sequence[str]:
        """The outputs of a component of another package that stay, although something else in it is made anew."""
        inside = COMPONENTS.get(self._after.type)
        if inside is None or self._before is None:
            return ()
        before, after = self._before.inputs, self._after.inputs
        return inside.stays if all(before.get(key) == after.get(key) for key in inside.core) else ()

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

    def _rewritten(self, value: Any, pairs: Sequence[tuple[Entry, Entry]]) -> Any:
        names = _Names(pairs, self._base.region, self._head.region)
        return rewritten(value, lambda leaf: names.of_now_in(leaf) if isinstance(leaf, str) else leaf)


class _Names:
    """What renamed resources were called, in placeholders and ARNs, and what they are called now."""

    def __init__(self, pairs: Sequence[tuple[Entry, Entry]], region_before: str, region_after: str) -> None:
        self._tokens: dict[str, str] = {}
        self._arns: dict[str, Entry] = {}
        self._region = region_after
        for old, new in pairs:
            self._tokens.setdefault(f"{old.type}::{old.name}", f"{new.type}::{new.name}")
            # Otherwise its name on AWS is an input, and changes or stays as that does.
            if _is_named_by_pulumi(old) and _is_named_by_pulumi(new):
                self._arns.setdefault(arn(old.type, old.name, old.inputs, region_before, ""), new)
        self._longest = max(map(len, [*self._tokens, *self._arns]), default=0) + 1

    def of_now_in(self, text: str) -> str:
        """A text with the names of now in it, found in one go: what is new is never taken for something old."""
        parts, done = list[str](), 0
        for start in _BEGINS.finditer(text):
            found = self._at(text, start) if start.start() >= done else None
            if found is not None:
                end, name = found
                parts += [text[done : start.start()], name]
                done = end
        return "".join([*parts, text[done:]]) if parts else text

    def _at(self, text: str, start: re.Match[str]) -> tuple[int, str] | None:
        """Where the name that begins there ends, and what it is now."""
        first, last = start.end(), min(len(text), start.end() + self._longest)
        if start["arn"] is None:
            ends = (each.start() for each in _DOT.finditer(text, first, last))
            found = next((end for end in ends if text[first:end] in self._tokens), None)
            return None if found is None else (found, f"${{{self._tokens[text[first:found]]}")
        for end in _END.finditer(text, first, last):
            if (new := self._arns.get(f"{start['arn']}{text[first : end.start()]}")) is not None:
                return end.start(), arn(new.type, new.name, new.inputs, self._region, start["account"])
        return None


def _is_named_by_pulumi(entry: Entry) -> bool:
    """Whether the ARN that stands for its own is made of its name in the program."""
    return arn(entry.type, "a", entry.inputs, "", "") != arn(entry.type, "b", entry.inputs, "", "")
