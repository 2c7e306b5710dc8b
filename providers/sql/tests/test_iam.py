"""Tokens of AWS IAM are asked for with the credentials of an aws connection, roles included, or with those of boto3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from tradewind.connection import Connection
from tradewind.connection.presets import connections
from tradewind.errors import BrokenConnection, ConnectionFault, ConnectionNotFound
from tradewind.secrets import redact
from tradewind_sql.iam import rds_token

pytest.importorskip("tradewind_aws", reason="tradewind-aws is not installed")

DATABASE = Connection("shop", "sqlite", host="db.example", login="app")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAAMBIENT", "AWS_SECRET_ACCESS_KEY": "gehe1m/ambient"}


@pytest.fixture(autouse=True)
def no_aws_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN", *KEYS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cloud() -> Iterator[Connection]:
    found = Connection("cloud", "aws", login="AKIACLOUD", password="gehe1m", extra={"region_name": "eu-west-1"})
    with connections({"cloud": found}):
        yield found


def credential(**extras: str) -> list[str]:
    """Who signed the token, and for which region and service."""
    token = rds_token(DATABASE, extras, 3307)
    address, _, query = token.partition("/?")
    told = parse_qs(query)
    assert (address, told["Action"], told["DBUser"]) == ("db.example:3307", ["connect"], ["app"])
    assert redact(f"the password is {token}") == "the password is ***"
    key, _, region, service, _ = told["X-Amz-Credential"][0].split("/")
    return [key, region, service]


def test_keys_and_region_are_the_aws_connection_s(cloud: Connection, ambient: None) -> None:
    assert credential(aws_conn_id="cloud") == ["AKIACLOUD", "eu-west-1", "rds-db"]
    assert credential(aws_conn_id="cloud", region_name="us-east-2") == ["AKIACLOUD", "us-east-2", "rds-db"]


def test_a_role_is_taken_on(sandbox, ambient: None) -> None:
    """Airflow's users name a role in the aws connection: a token signed by the keys behind it opens nothing."""
    cloud = sandbox("aws")
    account = cloud.get_hook(hook_params={"client_type": "sts"}).account_id
    extra = {**cloud.extra_dejson, "role_arn": f"arn:aws:iam::{account}:role/loader", "region_name": "eu-west-1"}
    with connections({"role": Connection("role", "aws", login=cloud.login, password=cloud.password, extra=extra)}):
        key, region, _ = credential(aws_conn_id="role")
    assert key.startswith("ASIA")
    assert region == "eu-west-1"


def test_a_profile_is_read(tmp_path, ambient: None) -> None:
    (tmp_path / "config").write_text("[profile night]\nregion = eu-south-1\n", encoding="utf-8")
    keys = "aws_access_key_id = AKIANIGHT\naws_secret_access_key = gehe1m"
    (tmp_path / "credentials").write_text(f"[night]\n{keys}\n", encoding="utf-8")
    with connections({"night": Connection("night", "aws", extra={"profile_name": "night"})}):
        assert credential(aws_conn_id="night") == ["AKIANIGHT", "eu-south-1", "rds-db"]


def test_without_a_name_it_is_aws_default(cloud: Connection, ambient: None) -> None:
    with connections({"aws_default": cloud}):
        assert credential()[0] == "AKIACLOUD"


def test_what_boto3_finds_is_used_only_where_nothing_was_said(ambient: None) -> None:
    assert credential(region_name="eu-west-1")[0] == "AKIAAMBIENT"
    with pytest.raises(ConnectionNotFound, match="'clowd' is not defined"):
        credential(aws_conn_id="clowd", region_name="eu-west-1")
    with (
        connections({"aws_default": "aws://half-a-pair@"}),
        pytest.raises(BrokenConnection, match="'aws_default'"),
    ):
        credential(region_name="eu-west-1")


@pytest.mark.parametrize("uri", ["sqlite:///x.db", "s3://key:secret@minio.example:9000/", "redis://cache"])
def test_a_connection_of_another_type_is_refused(uri: str) -> None:
    told = f"'shop': its token is to come from 'other', which is of type '{uri.partition(':')[0]}', not 'aws'"
    with connections({"other": uri}), pytest.raises(BrokenConnection, match=told):
        credential(aws_conn_id="other", region_name="eu-west-1")


@pytest.mark.parametrize(
    ("region", "told"), [({}, "You must specify a region"), ({"region_name": "eu-west-1"}, "credentials")]
)
def test_what_is_missing_is_told(region: dict[str, str], told: str) -> None:
    with pytest.raises(ConnectionFault, match=f"Connection 'shop': AWS gives no token: .*{told}.*Name region_name="):
        credential(**region)


def test_host_and_login_are_needed(cloud: Connection) -> None:
    with pytest.raises(BrokenConnection, match="'shop': iam needs a host and a login"):
        rds_token(Connection("shop", "sqlite", login="app"), {"aws_conn_id": "cloud"}, 3306)


@pytest.mark.parametrize(
    ("aws", "told"),
    [
        ("", "iam needs boto3: pip install 'tradewind-postgres[iam]'."),
        ("aws://key:secret@", "its token comes from 'aws_default': pip install tradewind-aws."),
    ],
)
def test_what_is_not_installed_is_told(aws: str, told: str) -> None:
    code = (
        "import sys\n"
        "sys.modules['boto3'] = None\n"
        "from tradewind.connection import Connection\n"
        "from tradewind_sql.iam import rds_token\n"
        "try:\n"
        "    rds_token(Connection('x', 'postgres', host='db', login='etl'), {}, 5432)\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    env = {**os.environ, "TRADEWIND_PLUGINS": "sql,postgres", "AIRFLOW_CONN_AWS_DEFAULT": aws}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == f"Connection 'x': {told}\n", done.stderr
