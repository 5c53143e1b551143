"""Pulumi inputs become API parameters by botocore's own description of the operation."""

from typing import Any

import botocore.session
import pytest

from workbench.local.shapes import UnplacedError, parameters


def shape(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def test_names_are_matched_whatever_their_case() -> None:
    inputs = {"protocolType": "HTTP", "name": "api", "corsConfiguration": {"allowOrigins": ["*"], "maxAge": 60.0}}
    assert parameters(shape("apigatewayv2", "CreateApi"), inputs) == {
        "ProtocolType": "HTTP",
        "Name": "api",
        "CorsConfiguration": {"AllowOrigins": ["*"], "MaxAge": 60},
    }


def test_a_tag_map_becomes_a_tag_list_where_the_api_wants_one() -> None:
    assert parameters(shape("iam", "CreateRole"), {"tags": {"team": "a"}}) == {"Tags": [{"Key": "team", "Value": "a"}]}


def test_a_renamed_input_finds_its_parameter() -> None:
    assert parameters(shape("iam", "CreateRole"), {"name": "r"}, {"name": "RoleName"}) == {"RoleName": "r"}


def test_an_input_with_no_parameter_is_refused_by_name() -> None:
    with pytest.raises(UnplacedError, match=r"^forceDetach$"):
        parameters(shape("iam", "CreateRole"), {"forceDetach": True})


def test_absent_inputs_are_left_out() -> None:
    assert parameters(shape("iam", "CreateRole"), {"description": None}) == {}
