"""What the whole is for: an item is updated, and what its automation printed can be read."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.local_stack import Stack
from workbench.local.handlers.lambda_ import EMPTY_ARCHIVE

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(180)]


def test_an_update_runs_the_automation_in_a_sandbox_that_is_gone_afterwards(stack: Stack) -> None:
    item = stack.create_item()
    automation = stack.automate(item, 'print("Sending another update notification")')
    answer = stack.http.put(f"/v1/items/{item['id']}", json={"name": "Espresso machine", "description": "Black"})
    assert answer.status_code == 200
    [run_id] = answer.json()["runs"]
    run = stack.finished(run_id)
    assert (run["status"], run["stdout"], run["stderr"], run["exit_code"], run["reason"]) == (
        "succeeded",
        "Sending another update notification\n",
        "",
        0,
        None,
    )
    assert (run["automation_id"], run["trigger"], run["item_version"]) == (automation["id"], "item_updated", 2)
    assert run["created_at"] <= run["started_at"] <= run["finished_at"] <= run["destroyed_at"]
    assert stack.sandboxes() == []


def test_a_script_sees_the_item_before_and_after_and_leaves_a_result(stack: Stack) -> None:
    item = stack.create_item(name="Grinder", description=None)
    code = "result = {'was': event['before']['name'], 'is': event['after']['name'], 'by': event['trigger']}"
    stack.automate(item, code)
    [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"name": "Mill"}).json()["runs"]
    assert stack.finished(run_id)["result"] == {"was": "Grinder", "is": "Mill", "by": "item_updated"}


def test_a_script_that_raises_fails_with_its_traceback(stack: Stack) -> None:
    item = stack.create_item()
    stack.automate(item, "def notify():\n    raise ValueError('no address')\n\nnotify()")
    [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"]
    run = stack.finished(run_id)
    assert (run["status"], run["exit_code"], run["stdout"]) == ("failed", 1, "")
    assert run["stderr"].startswith('Traceback (most recent call last):\n  File "<automation>", line 4, in <module>\n')
    assert run["stderr"].endswith("ValueError: no address\n")


def test_a_script_that_loops_is_timed_out(stack: Stack) -> None:
    item = stack.create_item()
    stack.automate(item, "print('begun', flush=True)\nwhile True:\n    pass")
    [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"]
    run = stack.finished(run_id)
    assert (run["status"], run["stdout"]) == ("timed_out", "begun\n")
    assert stack.sandboxes() == []


def test_ten_updates_at_once_make_ten_runs_each_done_once(stack: Stack) -> None:
    item = stack.create_item()
    stack.automate(item, "print(event['run_id'])")

    def update(number: int) -> str:
        while True:
            answer = stack.http.patch(f"/v1/items/{item['id']}", json={"description": f"update {number}"})
            if answer.status_code != 429:
                [run_id] = answer.json()["runs"]
                return run_id
            time.sleep(0.3)

    with ThreadPoolExecutor(10) as pool:
        run_ids = list(pool.map(update, range(10)))
        runs = list(pool.map(stack.finished, run_ids))
    assert len(set(run_ids)) == 10
    assert [(run["status"], run["stdout"]) for run in runs] == [("succeeded", f"{run_id}\n") for run_id in run_ids]
    assert sorted(run["item_version"] for run in runs) == list(range(2, 12))
    assert stack.sandboxes() == []


def test_a_disabled_automation_does_not_run(stack: Stack) -> None:
    item = stack.create_item()
    automation = stack.automate(item, "print('never')")
    assert stack.http.patch(f"/v1/automations/{automation['id']}", json={"enabled": False}).status_code == 200
    assert stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"] == []


def test_an_automation_can_be_run_by_hand(stack: Stack) -> None:
    item = stack.create_item()
    automation = stack.automate(item, "print(event['trigger'])")
    answer = stack.http.post(f"/v1/automations/{automation['id']}/runs")
    assert answer.status_code == 202
    run = stack.finished(answer.json()["id"])
    assert (run["status"], run["trigger"], run["stdout"]) == ("succeeded", "manual", "manual\n")


def test_a_sandbox_holds_no_rights_and_nothing_of_the_cloud(stack: Stack) -> None:
    item = stack.create_item()
    stack.automate(item, "import os\nresult = sorted(name for name in os.environ if 'AWS' in name or 'SECRET' in name)")
    [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"]
    assert stack.finished(run_id)["result"] == []


def test_a_failure_of_ours_is_tried_again_until_the_script_has_run(stack: Stack) -> None:
    functions, queues = stack.plinth.client("lambda"), stack.plinth.client("sqs")
    item = stack.create_item()
    stack.automate(item, "print('at last')")
    template = functions.get_function_configuration(FunctionName=stack.outputs["sandbox_function"])
    functions.delete_function(FunctionName=template["FunctionName"])
    try:
        [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"]
        _wait_for(lambda: "the message comes back soon" in stack.plinth("logs", "dev").stdout)
        run = stack.http.get(f"/v1/runs/{run_id}").json()
    finally:
        functions.create_function(
            FunctionName=template["FunctionName"],
            Runtime=template["Runtime"],
            Role=template["Role"],
            Handler=template["Handler"],
            Timeout=template["Timeout"],
            MemorySize=template["MemorySize"],
            Architectures=template["Architectures"],
            Layers=[layer["Arn"] for layer in template["Layers"]],
            VpcConfig={name: template["VpcConfig"][name] for name in ("SubnetIds", "SecurityGroupIds")},
            Code={"ZipFile": EMPTY_ARCHIVE},
        )
    assert (run["status"], run["started_at"], run["stdout"]) == ("queued", None, None)
    run = stack.finished(run_id)
    assert (run["status"], run["stdout"], run["reason"]) == ("succeeded", "at last\n", None)
    dead_letters = f"{stack.outputs['queue_url'].rpartition('/')[2]}-dead-letters"
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = queues.get_queue_url(QueueName=dead_letters)["QueueUrl"]
    dead = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert dead == dict.fromkeys(names, "0")


def test_a_failure_of_the_script_is_never_retried(stack: Stack) -> None:
    item = stack.create_item()
    stack.automate(item, "raise SystemExit(3)")
    [run_id] = stack.http.patch(f"/v1/items/{item['id']}", json={"description": "x"}).json()["runs"]
    run = stack.finished(run_id)
    assert (run["status"], run["exit_code"]) == ("failed", 3)
    queues = stack.plinth.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    waiting = queues.get_queue_attributes(QueueUrl=stack.outputs["queue_url"], AttributeNames=names)["Attributes"]
    assert waiting == {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}


def _wait_for(look: Callable[[], bool]) -> None:
    for _ in range(100):
        if look():
            return
        time.sleep(0.2)
    pytest.fail("it never came to be")
