"""What could lose data, and how loudly it is said."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from keyword import iskeyword
from typing import Any

import pytest

from workbench.diff.data_risks import data_risks
from workbench.diff.data_tables import (
    DISABLED,
    GUARDIANS,
    HOLDINGS,
    NOUNS,
    PROTECTIONS,
    RESTORED,
    RETENTION,
)
from workbench.diff.model import ABSENT, Action, Forces, PropertyChange, ResourceChange, Risk, RiskKind
from workbench.diff.snapshot import Entry, Hidden, Snapshot

CLUSTER = "aws:rds/cluster:Cluster"
QUEUE = "aws:sqs/queue:Queue"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
SECRET = "aws:secretsmanager/secret:Secret"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"

Inputs = Mapping[str, Any]


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::plinth::{type_}::{name}"


def entry(type_: str, name: str = "it", inputs: Inputs | None = None, dependencies: Sequence[str] = ()) -> Entry:
    return Entry(urn(type_, name), type_, name, "", inputs or {}, dependencies=dependencies)


def snapshot(*entries: Entry) -> Snapshot:
    return Snapshot("plinth", "test", "eu-central-1", entries)


def change(action: Action, type_: str, name: str = "it", **more: Any) -> ResourceChange:
    return ResourceChange(action, urn(type_, name), type_, name, **more)


def deleted(type_: str, inputs: Inputs | None = None, **more: Any) -> list[Risk]:
    """The risks of one resource that is deleted."""
    return data_risks([change(Action.DELETE, type_, **more)], snapshot(entry(type_, inputs=inputs)), snapshot())


def updated(type_: str, before: Inputs, after: Inputs, **more: Any) -> list[Risk]:
    """The risks of one resource that stays, with these inputs before and after."""
    properties = [
        PropertyChange((name,), before.get(name, ABSENT), after.get(name, ABSENT))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    found = change(**{"action": Action.UPDATE, "type_": type_, "properties": properties, **more})
    return data_risks([found], snapshot(entry(type_, inputs=before)), snapshot(entry(type_, inputs=after)))


def told(risks: Sequence[Risk]) -> list[tuple[str, str]]:
    return [(risk.rule, risk.message) for risk in risks]


def test_a_deleted_database_is_said_to_lose_everything() -> None:
    (risk,) = deleted(CLUSTER, {"skipFinalSnapshot": True})
    assert risk == Risk(
        RiskKind.DATA_LOSS,
        "deleted",
        urn(CLUSTER, "it"),
        CLUSTER,
        "it",
        "The database cluster it would be deleted, and all its databases with it; no last snapshot is taken.",
        'If it goes on under another name, give that one aliases=[pulumi.Alias(name="it")]; '
        "if not, save its data first.",
    )


@pytest.mark.parametrize(
    ("type_", "inputs", "end"),
    [
        (CLUSTER, {"finalSnapshotIdentifier": "last"}, "; a last snapshot is left as last"),
        (
            CLUSTER,
            {"deletionProtection": True, "skipFinalSnapshot": True},
            "; AWS refuses while deletionProtection is on, and no last snapshot is taken",
        ),
        (
            CLUSTER,
            {},
            "; the provider fails unless there is a finalSnapshotIdentifier or skipFinalSnapshot is on",
        ),
        (SECRET, {}, "; AWS can bring it back for 30 days"),
        (SECRET, {"recoveryWindowInDays": 7}, "; AWS can bring it back for 7 days"),
        (SECRET, {"recoveryWindowInDays": 0}, "; nobody can bring it back"),
        (SECRET, {"recoveryWindowInDays": "${a:b:C::d.e}"}, ""),
        (BUCKET, {}, "; AWS refuses while objects are in it"),
        (BUCKET, {"forceDestroy": True}, "; forceDestroy empties it first"),
        ("aws:kms/key:Key", {"deletionWindowInDays": 7}, "; AWS can bring it back for 7 days"),
        (
            "aws:dynamodb/table:Table",
            {"deletionProtectionEnabled": True, "pointInTimeRecovery": {"enabled": True}},
            "; AWS refuses while deletionProtectionEnabled is on, and DynamoDB keeps a backup of it for 35 days",
        ),
        ("aws:dynamodb/table:Table", {}, "; no backup of it is kept"),
        ("aws:cognito/userPool:UserPool", {"deletionProtection": "INACTIVE"}, ""),
        (QUEUE, {}, ""),
    ],
)
def test_what_softens_a_deletion_is_said(type_: str, inputs: Inputs, end: str) -> None:
    (risk,) = deleted(type_, inputs)
    assert risk.message == f"The {HOLDINGS[type_].noun} it would be deleted, and {HOLDINGS[type_].lost} with it{end}."


def test_what_pulumi_refuses_is_a_risk() -> None:
    (risk,) = deleted(QUEUE, protected=True)
    assert risk.message.endswith(" with it; Pulumi refuses until protect is taken away.")


def test_what_aws_keeps_is_no_risk() -> None:
    assert deleted(CLUSTER, retained=True) == []


def test_what_only_copies_or_is_left_behind_is_no_risk() -> None:
    assert deleted("aws:rds/instance:Instance", {"replicateSourceDb": "other"}) == []
    assert deleted(LOGS, {"skipDestroy": True}) == []
    assert [risk.rule for risk in deleted("aws:rds/instance:Instance")] == ["deleted"]
    assert [risk.rule for risk in deleted(LOGS, {"skipDestroy": False})] == ["deleted"]


def test_what_holds_no_data_is_no_risk() -> None:
    for type_ in (
        "aws:iam/role:Role",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:rds/clusterInstance:ClusterInstance",
    ):
        assert deleted(type_) == []
        assert updated(type_, {"name": "a"}, {"name": "b"}, action=Action.REPLACE) == []


def test_a_component_is_no_risk_whatever_its_type() -> None:
    assert deleted(CLUSTER, custom=False) == []


def test_what_is_created_is_no_risk() -> None:
    found = [change(Action.CREATE, CLUSTER)]
    assert data_risks(found, None, snapshot(entry(CLUSTER))) == []


def test_a_stack_that_is_gone_loses_nothing_by_itself() -> None:
    (risk,) = data_risks([change(Action.DELETE, QUEUE)], snapshot(entry(QUEUE)), None)
    assert (risk.message, risk.remedy) == (
        (
            "The queue it is no longer in any program: nothing happens until somebody destroys the stack, "
            "and then the messages that nobody has handled would go with it."
        ),
        "Destroy the stack only once its data is saved, or not needed any more.",
    )


def replaced(type_: str, names: Sequence[str], *, certain: bool = True, **more: Any) -> list[Risk]:
    """The risks of one resource that is made anew because these properties change."""
    forces = Forces.YES if certain else Forces.MAY
    properties = [PropertyChange((name,), "a", "b", forces) for name in names]
    still = PropertyChange(("deletionProtection",), True, False)
    found = change(Action.REPLACE, type_, properties=[*properties, still], certain=certain, **more)
    before = {**dict.fromkeys(names, "a"), "skipFinalSnapshot": True, "deletionProtection": True}
    after = {**before, **dict.fromkeys(names, "b"), "deletionProtection": False}
    return data_risks([found], snapshot(entry(type_, inputs=before)), snapshot(entry(type_, inputs=after)))


def test_what_is_made_anew_is_one_risk_that_names_its_causes() -> None:
    (risk,) = replaced(CLUSTER, ["databaseName", "engine", "kmsKeyId"])
    assert (risk.rule, risk.message, risk.remedy) == (
        "replaced",
        (
            "The database cluster it would be made anew, empty, because databaseName, engine and kmsKeyId change: all "
            "its databases would be lost; AWS refuses while deletionProtection is on, and no last snapshot is taken."
        ),
        "Leave databaseName, engine and kmsKeyId as they were, or save the data and bring it into the new one.",
    )


def test_what_is_made_anew_and_kept_leaves_its_data_in_the_old_one() -> None:
    (risk,) = replaced(CLUSTER, ["engine"], retained=True)
    assert risk.message == (
        "The database cluster it would be made anew, empty, because engine changes: all its databases would stay in "
        "the old one, which is no longer managed."
    )


def test_what_may_be_made_anew_says_so_and_also_what_is_less_protected() -> None:
    risks = replaced(CLUSTER, ["invented"], certain=False)
    assert [risk.rule for risk in risks] == ["may-be-replaced", "protection-removed"]
    assert risks[0].message.startswith("The database cluster it may be made anew, empty, because invented changes: ")


def test_what_follows_from_another_replacement_names_no_cause_of_its_own() -> None:
    found = change(Action.REPLACE, QUEUE)
    (risk,) = data_risks([found], snapshot(entry(QUEUE)), snapshot(entry(QUEUE)))
    assert risk.message == (
        "The queue it would be made anew, empty: the messages that nobody has handled would be lost."
    )


def test_a_database_from_a_snapshot_loses_what_was_written_since() -> None:
    (risk,) = replaced(CLUSTER, ["engine", "snapshotIdentifier"])
    assert (risk.rule, risk.message) == (
        "restored-over",
        (
            "The database cluster it would be made anew from snapshotIdentifier: what was written since would be lost; "
            "AWS refuses while deletionProtection is on, and no last snapshot is taken."
        ),
    )


def test_a_database_from_a_snapshot_beside_one_that_stays_loses_nothing() -> None:
    (risk,) = replaced(CLUSTER, ["snapshotIdentifier"], retained=True)
    assert risk.rule == "replaced"
    assert risk.message.endswith(": all its databases would stay in the old one, which is no longer managed.")


def test_a_protection_that_is_taken_away_is_said_with_the_replacement() -> None:
    options = [PropertyChange(("protect",), True, False), PropertyChange(("retain_on_delete",), True, False)]
    risks = replaced(CLUSTER, ["engine"], options=options)
    assert told(risks)[1:] == [
        (
            "protection-removed",
            "The database cluster it is less protected: protect is taken away and retain_on_delete is taken away.",
        )
    ]


def test_a_protection_that_is_given_is_no_risk() -> None:
    options = [PropertyChange(("protect",), False, True)]
    assert updated(CLUSTER, {}, {"deletionProtection": True}, options=options) == []


def test_only_what_holds_data_is_watched_for_pulumis_own_protection() -> None:
    options = [PropertyChange(("protect",), True, False)]
    assert updated("aws:rds/subnetGroup:SubnetGroup", {}, {}, options=options) == []


@pytest.mark.parametrize(
    ("type_", "before", "after", "said"),
    [
        (CLUSTER, {"deletionProtection": True}, {}, "deletionProtection is turned off"),
        (CLUSTER, {}, {"skipFinalSnapshot": True}, "skipFinalSnapshot is turned on"),
        (CLUSTER, {"deleteAutomatedBackups": False}, {}, "deleteAutomatedBackups is turned on"),
        (
            "aws:dynamodb/table:Table",
            {"pointInTimeRecovery": {"enabled": True}},
            {"pointInTimeRecovery": {"enabled": False}},
            "pointInTimeRecovery.enabled is turned off",
        ),
        (
            "aws:cognito/userPool:UserPool",
            {"deletionProtection": "ACTIVE"},
            {},
            "deletionProtection is taken away",
        ),
        (
            VERSIONING,
            {"versioningConfiguration": {"status": "Enabled"}},
            {"versioningConfiguration": {"status": "Suspended"}},
            "versioningConfiguration.status is taken away",
        ),
        (SECRET, {}, {"recoveryWindowInDays": 0}, "recoveryWindowInDays was 30 days and is 0 days"),
        (QUEUE, {"redrivePolicy": "{}"}, {}, "redrivePolicy is taken away"),
        (
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            {"destinationConfig": {"onFailure": {"destination": "arn"}}},
            {},
            "destinationConfig.onFailure is taken away",
        ),
        (
            "aws:scheduler/schedule:Schedule",
            {"target": {"deadLetterConfig": {"arn": "arn"}}},
            {"target": {}},
            "target.deadLetterConfig is taken away",
        ),
    ],
)
def test_less_protection_is_a_risk_and_more_is_none(type_: str, before: Inputs, after: Inputs, said: str) -> None:
    assert told(updated(type_, before, after)) == [
        ("protection-removed", f"The {noun(type_)} it is less protected: {said}.")
    ]
    assert updated(type_, after, before) == []


def noun(type_: str) -> str:
    return HOLDINGS[type_].noun if type_ in HOLDINGS else NOUNS[type_]


@pytest.mark.parametrize(
    ("type_", "name", "long", "short", "said"),
    [
        (CLUSTER, "backupRetentionPeriod", 7, None, "was 7 days and is 1 day, and what is older"),
        (
            QUEUE,
            "messageRetentionSeconds",
            None,
            60,
            "was 345600 seconds (4 days) and is 60 seconds, and what is older",
        ),
        (LOGS, "retentionInDays", None, 7, "was for ever and is 7 days, and what is older"),
        (LOGS, "retentionInDays", 0, 7, "was for ever and is 7 days, and what is older"),
        (LOGS, "retentionInDays", 30, 7, "was 30 days and is 7 days, and what is older"),
        (
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            "maximumRecordAgeInSeconds",
            -1,
            60,
            "was for ever and is 60 seconds, and what waits for longer",
        ),
    ],
)
def test_a_shorter_time_is_a_risk_and_a_longer_one_is_none(
    type_: str, name: str, long: int | None, short: int | None, said: str
) -> None:
    assert told(updated(type_, {name: long}, {name: short})) == [
        ("retention-cut", f"The {noun(type_)} it keeps less: {name} {said} is lost for good.")
    ]
    assert updated(type_, {name: short}, {name: long}) == []


def test_the_default_said_aloud_is_no_change() -> None:
    assert updated(LOGS, {}, {"retentionInDays": 0}) == []
    assert updated(CLUSTER, {}, {"deletionProtection": False, "skipFinalSnapshot": False}) == []
    assert updated(QUEUE, {"messageRetentionSeconds": 345_600}, {}) == []


def test_a_disabled_key_is_a_risk_of_its_own() -> None:
    key = "aws:kms/key:Key"
    assert told(updated(key, {}, {"isEnabled": False})) == [
        ("key-disabled", "The key it would be disabled: nothing that is encrypted under it can be read meanwhile.")
    ]
    assert updated(key, {"isEnabled": False}, {}) == []


@pytest.mark.parametrize("unknown", ["${aws:a/b:C::d.e}", Hidden("digest"), {"more": 1}, [1], "text"])
def test_what_cannot_be_compared_is_no_risk(unknown: Any) -> None:
    for type_, guards in (*PROTECTIONS.items(), *RETENTION.items(), *DISABLED.items()):
        for guard in guards:
            if guard.default is None or isinstance(guard.default, str):
                continue
            assert updated(type_, {guard.path[0]: unknown}, {guard.path[0]: unknown, "other": 1}) == []
            assert [risk.rule for risk in updated(type_, {}, {guard.path[0]: unknown})] == []


@pytest.mark.parametrize("unknown", ["${aws:a/b:C::d.e}", Hidden("digest")])
def test_what_may_be_as_strong_as_before_is_no_risk(unknown: Any) -> None:
    status = {"versioningConfiguration": {"status": "Enabled"}}
    assert updated(VERSIONING, status, {"versioningConfiguration": {"status": unknown}}) == []
    assert updated(VERSIONING, status, {"versioningConfiguration": unknown}) == []
    assert (
        updated("aws:cognito/userPool:UserPool", {"deletionProtection": "ACTIVE"}, {"deletionProtection": unknown})
        == []
    )


def test_a_property_that_did_not_change_is_not_looked_at() -> None:
    before, after = entry(LOGS, inputs={"retentionInDays": 30}), entry(LOGS, inputs={"retentionInDays": 7})
    ignored = change(Action.UPDATE, LOGS, properties=[PropertyChange(("kmsKeyId",), "a", "b")])
    assert data_risks([ignored], snapshot(before), snapshot(after)) == []


def test_a_renamed_resource_is_compared_with_what_it_was() -> None:
    before = entry(LOGS, "old", {"retentionInDays": 30})
    after = entry(LOGS, "new", {"retentionInDays": 7})
    properties = [PropertyChange(("retentionInDays",), 30, 7)]
    found = change(Action.UPDATE, LOGS, "new", former_urn=before.urn, properties=properties)
    assert [(risk.rule, risk.name) for risk in data_risks([found], snapshot(before), snapshot(after))] == [
        ("retention-cut", "new")
    ]


def test_versioning_that_is_deleted_is_a_risk_unless_its_bucket_goes_too() -> None:
    bucket, versioning = entry(BUCKET), entry(VERSIONING, dependencies=[urn(BUCKET, "it")])
    found = [change(Action.DELETE, VERSIONING), change(Action.DELETE, BUCKET)]
    base = snapshot(bucket, versioning)
    assert told(data_risks(found[:1], base, snapshot(bucket))) == [
        (
            "protection-removed",
            "The bucket versioning it would be deleted: versions of its bucket's objects are no longer kept.",
        )
    ]
    assert data_risks(found[:1], base, None) == []
    assert [risk.type for risk in data_risks(found, base, snapshot())] == [BUCKET]
    assert [risk.type for risk in data_risks(found, base, None)] == [BUCKET]


def test_the_loudest_comes_first_and_databases_before_queues_before_logs() -> None:
    retention = [PropertyChange(("retentionInDays",), 30, 7)]
    protection = [PropertyChange(("protect",), True, False)]
    changes = [
        change(Action.UPDATE, LOGS, "short", properties=retention),
        change(Action.UPDATE, LOGS, "loose", options=protection),
        change(Action.REPLACE, CLUSTER, "maybe", certain=False),
        change(Action.REPLACE, LOGS, "anew"),
        change(Action.DELETE, LOGS, "b"),
        change(Action.DELETE, LOGS, "a"),
        change(Action.DELETE, QUEUE, "queue"),
        change(Action.DELETE, CLUSTER, "cluster"),
    ]
    entries = [entry(each.type, each.name, {"retentionInDays": 30}) for each in changes]
    head = [replace(each, inputs={"retentionInDays": 7}) for each in entries]
    assert [(risk.rule, risk.name) for risk in data_risks(changes, snapshot(*entries), snapshot(*head))] == [
        ("deleted", "cluster"),
        ("deleted", "queue"),
        ("deleted", "a"),
        ("deleted", "b"),
        ("replaced", "anew"),
        ("may-be-replaced", "maybe"),
        ("protection-removed", "loose"),
        ("retention-cut", "short"),
    ]


def test_no_secret_is_said() -> None:
    (risk,) = deleted(CLUSTER, {"finalSnapshotIdentifier": Hidden("the-digest")})
    assert "digest" not in f"{risk.message}{risk.remedy}"


def wire_names(type_: str) -> set[str]:
    """The properties of a type in the SDK, as they are on the wire."""
    package, _, rest = type_.removeprefix("aws:").partition("/")
    module = importlib.import_module(f"pulumi_aws.{package}{'_' * iskeyword(package)}")
    holder = vars(getattr(module, rest.partition(":")[2]))
    getters = {name: member.fget for name, member in holder.items() if isinstance(member, property)}
    return {getattr(getter, "_pulumi_name", name) for name, getter in getters.items()}


def test_the_tables_name_only_types_and_properties_that_there_are() -> None:
    for table in (PROTECTIONS, RETENTION, DISABLED):
        for type_, guards in table.items():
            assert {guard.path[0] for guard in guards} <= wire_names(type_), type_
            assert type_ in HOLDINGS or type_ in NOUNS
    for type_ in (*HOLDINGS, *GUARDIANS, *NOUNS):
        assert wire_names(type_)
    known = set[str]().union(*(wire_names(type_) for type_ in HOLDINGS))
    assert set(RESTORED) <= known
