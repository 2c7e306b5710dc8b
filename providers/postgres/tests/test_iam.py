"""Logging in with tokens of AWS: botocore signs for real, and answers of its services are played."""

from __future__ import annotations

import urllib.parse
from contextlib import ExitStack

import boto3
import pytest
from botocore.stub import Stubber

from tradewind.connection import Connection
from tradewind.connection.presets import connections
from tradewind.secrets import redact
from tradewind_postgres import PostgresHook

pytest.importorskip("tradewind_aws", reason="tradewind-aws is not installed")

HOST = "sales.abc123.eu-central-1.rds.amazonaws.com"


@pytest.fixture(autouse=True)
def no_other_credentials(monkeypatch, tmp_path):
    for name in (
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws():
    found = Connection(
        "aws_sales", "aws", login="AKIAEXAMPLE", password="an/aws+secret", extra={"region_name": "eu-central-1"}
    )
    with connections({"aws_sales": found}):
        yield found


def hook_of(host=HOST, **extra):
    extra = {"iam": True, "aws_conn_id": "aws_sales", **extra}
    return PostgresHook(connection=Connection("x", "postgres", host=host, login="etl", schema="shop", extra=extra))


def test_a_token_for_rds(aws):
    settings = hook_of().connection_settings
    assert settings["user"] == "etl"
    assert settings["port"] == 5432
    place, _, query = settings["password"].partition("/?")
    assert place == f"{HOST}:5432"
    words = dict(urllib.parse.parse_qsl(query))
    assert words["Action"] == "connect"
    assert words["DBUser"] == "etl"
    assert words["X-Amz-Credential"].startswith("AKIAEXAMPLE/")
    assert words["X-Amz-Credential"].endswith("/eu-central-1/rds-db/aws4_request")
    assert words["X-Amz-Expires"] == "900"
    assert len(words["X-Amz-Signature"]) == 64
    assert settings["password"] not in redact(f"told: {settings['password']}")


def test_a_port_and_a_region_of_ones_own(aws):
    hook = hook_of(region_name="us-west-2")
    hook.connection.port = 6000
    settings = hook.connection_settings
    assert settings["port"] == 6000
    assert settings["password"].startswith(f"{HOST}:6000/?")
    assert "%2Fus-west-2%2Frds-db" in settings["password"]


@pytest.fixture
def played(monkeypatch):
    """Plays one answer of a service: `played("redshift", method, answer, expected parameters)`."""
    client_of = boto3.Session.client
    with ExitStack() as stubs:

        def play(service, method, answer, expected):
            def client(session, name, **options):
                assert name == service
                made = client_of(session, name, **options)
                stub = stubs.enter_context(Stubber(made))
                if isinstance(answer, str):
                    stub.add_client_error(method, answer, "told by AWS", expected_params=expected)
                else:
                    stub.add_response(method, answer, expected)
                return made

            monkeypatch.setattr(boto3.Session, "client", client)

        yield play


def test_a_redshift_cluster(aws, played):
    expected = {"DbUser": "etl", "DbName": "shop", "ClusterIdentifier": "sales", "AutoCreate": False}
    played("redshift", "get_cluster_credentials", {"DbUser": "IAM:etl", "DbPassword": "token-of-cluster"}, expected)
    settings = hook_of(host="sales.abc.eu-central-1.redshift.amazonaws.com", redshift=True).connection_settings
    assert (settings["user"], settings["password"], settings["port"]) == ("IAM:etl", "token-of-cluster", 5439)
    assert redact("it is token-of-cluster") == "it is ***"


def test_a_redshift_cluster_that_is_named(aws, played):
    expected = {"DbUser": "etl", "DbName": "shop", "ClusterIdentifier": "other", "AutoCreate": False}
    played("redshift", "get_cluster_credentials", {"DbUser": "IAM:etl", "DbPassword": "token-two"}, expected)
    assert hook_of(**{"redshift": True, "cluster-identifier": "other"}).connection_settings["password"] == "token-two"


def test_redshift_serverless(aws, played):
    expected = {"dbName": "shop", "workgroupName": "work"}
    played("redshift-serverless", "get_credentials", {"dbUser": "IAMR:etl", "dbPassword": "token-three"}, expected)
    settings = hook_of(**{"redshift-serverless": True, "workgroup-name": "work"}).connection_settings
    assert (settings["user"], settings["password"], settings["port"]) == ("IAMR:etl", "token-three", 5439)


def test_a_refusal_is_told(aws, played):
    expected = {"DbUser": "etl", "DbName": "shop", "ClusterIdentifier": "sales", "AutoCreate": False}
    played("redshift", "get_cluster_credentials", "ClusterNotFoundFault", expected)
    works, told = hook_of(redshift=True).test_connection()
    assert not works
    assert told.startswith("Connection 'x': AWS gives no token: ")
    assert "ClusterNotFound" in told
    assert "an/aws+secret" not in told


def test_a_token_is_made_for_each_connection(aws, monkeypatch):
    """It is valid for a quarter of an hour only."""
    calls = []
    monkeypatch.setattr("tradewind_postgres.iam.token", lambda *given: calls.append(given) or ("etl", "t", 1))
    hook = hook_of(host="127.0.0.1")
    for _ in range(2):
        assert not hook.test_connection()[0]
    assert len(calls) == 2
