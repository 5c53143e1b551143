"""The local RDS: what of it a stack notices besides the database, which is who may log in without a secret."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pulumi
import pytest
from psycopg import sql
from pulumi_aws import iam, lambda_, rds

from tests.workbench.test_apply import TRUST, Applied, code
from workbench.local import postgres
from workbench.local.cloud import Cloud
from workbench.local.handlers.rds import password_file

pytestmark = pytest.mark.xdist_group("emulator")

SHOWS_ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)"


@pytest.fixture
def apply(cloud: Cloud) -> Iterator[Applied]:
    """A stack whose resources are deleted after the test: the emulator is every test's."""
    applied = Applied(cloud)
    yield applied
    applied(lambda: None)


@pytest.fixture
def role(cloud: Cloud) -> Iterator[str]:
    """A role that may log in, once it has a password."""
    name = f"user_{uuid4().hex}"
    with administrator(cloud) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def administrator(cloud: Cloud) -> psycopg.Connection[Any]:
    return psycopg.connect(postgres.url(cloud.folder, cloud.database_port), autocommit=True)


def who_is_let_in(cloud: Cloud, role: str, file: Path) -> Any:
    with psycopg.connect(
        host="127.0.0.1", port=cloud.database_port, dbname="postgres", user=role, passfile=str(file)
    ) as connection:
        row = connection.execute("SELECT current_user").fetchone()
    return row and row[0]


def test_the_master_of_a_cluster_may_have_roles_let_in_by_token_as_on_rds(apply: Applied) -> None:
    def program() -> None:
        cluster = rds.Cluster(
            "tokens",
            engine="aurora-postgresql",
            database_name="tokens",
            master_username="token_keeper",
            manage_master_user_password=True,
        )
        pulumi.export("secret", cluster.master_user_secrets[0].secret_arn)

    secret = apply(program).outputs["secret"]
    value = apply.cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    login = json.loads(value)
    with psycopg.connect(
        host="127.0.0.1",
        port=apply.cloud.database_port,
        dbname="tokens",
        user=login["username"],
        password=login["password"],
    ) as connection:
        connection.execute("CREATE ROLE let_in LOGIN")
        connection.execute("GRANT rds_iam TO let_in")
        row = connection.execute("SELECT pg_has_role('let_in', 'rds_iam', 'member')").fetchone()
        connection.rollback()
    assert row == (True,)


def test_a_role_is_let_in_by_a_file_that_this_account_alone_can_read(cloud: Cloud, role: str) -> None:
    file = password_file(cloud, role)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert who_is_let_in(cloud, role, file) == role


def test_a_role_keeps_its_password_and_each_has_another(cloud: Cloud, role: str) -> None:
    first = passwords(password_file(cloud, role))
    password_file(cloud, "somebody_else")
    again = passwords(password_file(cloud, role))
    assert again[role] == first[role] != again["somebody_else"]
    assert who_is_let_in(cloud, role, password_file(cloud, role)) == role


def passwords(file: Path) -> dict[str, str]:
    return dict(line.split(":")[3:] for line in file.read_text().splitlines())


def test_a_role_that_is_not_there_yet_is_left_to_who_makes_it(cloud: Cloud) -> None:
    password_file(cloud, "nobody_yet")
    with administrator(cloud) as connection:
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'nobody_yet'").fetchone() is None


@pytest.mark.parametrize(("login", "here"), [("iam", "ambient"), ("password", "password")])
def test_a_function_that_would_send_a_token_finds_a_password_instead(
    apply: Applied, role: str, tmp_path: Path, login: str, here: str
) -> None:
    def program() -> None:
        made = iam.Role("shows-role", name="shows-role", assume_role_policy=TRUST)
        lambda_.Function(
            "shows",
            name="shows",
            role=made.arn,
            runtime="python3.13",
            handler="main.handler",
            code=code(tmp_path, SHOWS_ENVIRONMENT),
            environment={"variables": {"DATABASE_LOGIN": login, "DATABASE_USER": role}},
        )

    apply(program)
    answer = apply.cloud.client("lambda").invoke(FunctionName="shows", Payload="{}")
    seen = json.loads(answer["Payload"].read())
    assert (seen["DATABASE_LOGIN"], seen["DATABASE_USER"], "PGPASSFILE" in seen) == (here, role, login == "iam")
    if login == "iam":
        assert who_is_let_in(apply.cloud, role, Path(seen["PGPASSFILE"])) == role


def test_a_proxy_is_where_the_cluster_is_and_another_name_is_another_proxy(apply: Applied) -> None:
    def program(name: str, timeout: int) -> None:
        proxy = rds.Proxy(
            "proxy",
            name=name,
            engine_family="POSTGRESQL",
            role_arn="arn:aws:iam::111111111111:role/proxy",
            vpc_subnet_ids=["subnet-1", "subnet-2"],
            idle_client_timeout=timeout,
        )
        pulumi.export("proxy", [proxy.name, proxy.endpoint, proxy.arn])

    arn = "arn:aws:rds:eu-central-1:111111111111:db-proxy"
    assert apply(lambda: program("one", 60)).outputs == {"proxy": ["one", "127.0.0.1", f"{arn}:one"]}
    assert apply.steps == [("create", "proxy")]
    apply(lambda: program("one", 90))
    assert apply.steps == [("update", "proxy")]
    assert apply(lambda: program("two", 90)).outputs == {"proxy": ["two", "127.0.0.1", f"{arn}:two"]}
    assert apply.steps == [("replace", "proxy")]
