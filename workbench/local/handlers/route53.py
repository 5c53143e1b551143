"""Route 53."""

from collections.abc import Mapping

RECORDED_ONLY: Mapping[str, str] = {
    "aws:route53/record:Record": "its zone is a real one, outside of the stack, that nothing here answers for",
}
