"""EventBridge Scheduler. The emulator looks every ten seconds for schedules that are due, and invokes their targets."""

from collections.abc import Mapping

from workbench.local.handlers.base import Api, Call, Handler

HANDLERS: Mapping[str, Handler] = {
    "aws:scheduler/schedule:Schedule": Api(
        service="scheduler",
        create_call="CreateSchedule",
        names="name",
        id="in.name",
        outputs={"arn": "out.ScheduleArn"},
        fixed=("name", "groupName"),
        update_call=Call("UpdateSchedule"),
        delete_call=Call("DeleteSchedule", {"Name": "id"}),
    ),
}
