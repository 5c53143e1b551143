"""What the scripts of the workflows do beyond the workflows' own tests."""

import json
import subprocess
import sys

from workbench.project import ROOT

_VALUES = ("secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "logs:GetLogEvents", "rds-db:connect")


def test_the_policy_for_drift_only_reads_and_fits_into_a_role() -> None:
    command = [sys.executable, ".github/scripts/drift_policy.py", "staging", "123456789012", "eu-west-1"]
    printed = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    policy = json.loads(printed)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    names = {action.partition(":")[2] for action in actions if action != "apigateway:GET"}
    assert [name for name in names if not name.startswith(("Describe", "Get", "List", "View"))] == []
    assert actions.isdisjoint(_VALUES)
    assert {"lambda:GetFunction", "rds:DescribeDBClusters", "ec2:DescribeVpcs", "apigateway:GET"} <= actions
    assert "plinth-dev" not in printed
    # What AWS takes as the inline policies of one role, spaces left out.
    assert len(json.dumps(policy, separators=(",", ":"))) <= 10_240
