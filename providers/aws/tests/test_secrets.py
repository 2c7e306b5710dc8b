"""Secrets Manager and the Parameter Store as sources of connections and variables: real calls to a real server."""

from __future__ import annotations

import json

import boto3
import pytest

from tradewind.connection import Connection
from tradewind.errors import ConnectionNotFound, SecretsError, SettingError
from tradewind.sandbox import Control
from tradewind.secrets import forget_sources
from tradewind.testing import SecretsContract
from tradewind.testing.secrets import CONNECTIONS, VARIABLES
from tradewind_aws import (
    SecretsManagerBackend,
    SecretsManagerHook,
    SsmHook,
    SystemsManagerParameterStoreBackend,
)
from tradewind_aws.errors import AwsError, NoSuchResource


def client(cloud, service):
    """boto3's own, for what the tests put there."""
    return boto3.client(
        service,
        endpoint_url=f"http://{cloud.host}:{cloud.port}",
        aws_access_key_id=cloud.login,
        aws_secret_access_key=cloud.password,
        region_name="us-east-1",
    )


@pytest.fixture
def options(cloud):
    """Arguments that lead to the account behind `cloud`."""
    return {
        "endpoint_url": f"http://{cloud.host}:{cloud.port}",
        "aws_access_key_id": cloud.login,
        "aws_secret_access_key": cloud.password,
        "region_name": "us-east-1",
    }


@pytest.fixture
def keep(cloud):
    """Puts a secret and a parameter of the same name and value there."""
    secrets, parameters = client(cloud, "secretsmanager"), client(cloud, "ssm")

    def keep(name, value):
        secrets.create_secret(Name=name, SecretString=value)
        parameters.put_parameter(Name=f"/{name}", Value=value, Type="SecureString")

    yield keep
    secrets.close()
    parameters.close()


@pytest.fixture
def filled(keep):
    for name, value in CONNECTIONS.items():
        keep(f"airflow/connections/{name}", value)
    for name, value in VARIABLES.items():
        if value:
            keep(f"airflow/variables/{name}", value)


class TestSecretsManager(SecretsContract):
    has_empty_values = False  # the service takes none

    @pytest.fixture
    def source(self, filled, options):
        return SecretsManagerBackend(**options)


class TestParameterStore(SecretsContract):
    has_empty_values = False

    @pytest.fixture
    def source(self, filled, options):
        return SystemsManagerParameterStoreBackend(**options)


BOTH = pytest.mark.parametrize("kind", [SecretsManagerBackend, SystemsManagerParameterStoreBackend])


@BOTH
def test_where_it_looks(kind, keep, options):
    keep("team/conn-x", "generic://host")
    source = kind(connections_prefix="team", sep="/conn-", variables_prefix=None, config_prefix=None, **options)
    assert source.get_conn_value("x") == "generic://host"
    assert source.conn_ids() == ["x"]
    assert source.get_variable("x") is None
    assert source.variable_keys() == []
    assert source.explain_missing_variable("x") == "variables_prefix is None, so that it has none"
    assert source.describe_conn("x").endswith("team/conn-x")


@BOTH
def test_ids_that_are_left_out_cost_no_call(kind, cloud, keep, options):
    keep("airflow/connections/aws_x", "generic://host")
    source = kind(connections_lookup_pattern="^aws_", **options)
    before = len(Control(cloud).calls())
    assert source.get_conn_value("other") is None
    assert source.get_conn_value("aws_no name!") is None  # no such name can be there
    assert len(Control(cloud).calls()) == before
    assert source.explain_missing_conn("other") == "connections_lookup_pattern leaves it out"
    assert source.get_conn_value("aws_x") == "generic://host"


@BOTH
def test_an_outage_is_never_not_found(kind, cloud, keep, options):
    keep("airflow/connections/x", "generic://host")
    patient = {**options, "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    control = Control(cloud)
    for told in ({"kind": "status", "status": status} for status in (403, 404, 500)):
        control.fault(**told)
        with pytest.raises(SecretsError, match=r"The secrets source 'AWS .*airflow/connections/x") as caught:
            kind(**patient).get_conn_value("x")
        assert cloud.password not in str(caught.value)
    assert kind(**patient).get_conn_value("x") == "generic://host"


@BOTH
def test_one_that_may_not_list_says_that_it_cannot(kind, cloud, keep, options):
    keep("airflow/connections/x", "generic://host")
    Control(cloud).fault("status", status=403)
    assert kind(**options).conn_ids() is None


@BOTH
def test_wrong_keys_are_told(kind, options):
    wrong = {**options, "aws_secret_access_key": "Zq7-wrong"}
    with pytest.raises(SecretsError, match=r"secret key \(password\) is wrong") as caught:
        kind(**wrong).get_conn_value("x")
    assert "Zq7-wrong" not in str(caught.value)


@BOTH
def test_nobody_there(kind, options):
    nowhere = {**options, "endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    with pytest.raises(SecretsError, match=r"cannot reach http://127\.0\.0\.1:9"):
        kind(**nowhere).get_conn_value("x")


@BOTH
def test_arguments_that_cannot_be_right(kind):
    with pytest.raises(SettingError, match="did you mean 'role_arn'"):
        kind(rolearn="x")
    with pytest.raises(SettingError, match="connections_lookup_pattern"):
        kind(connections_lookup_pattern="(")


@pytest.mark.parametrize(
    "name",
    [
        "aws_secrets_manager",
        "aws_parameter_store",
        "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
        "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend",
    ],
)
def test_as_a_source_of_the_whole(name, keep, options, monkeypatch):
    keep("airflow/connections/shop", "postgres://etl:Zq7-shop@db/sales")
    if name.startswith("airflow."):
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", name)
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(options))
    else:
        monkeypatch.setenv("TRADEWIND_SECRETS_SOURCES", f"environment,{name}")
        monkeypatch.setenv("TRADEWIND_SECRETS_OPTIONS", json.dumps({name: options}))
    forget_sources()
    shop = Connection.get("shop")
    assert (shop.host, shop.login, shop.password) == ("db", "etl", "Zq7-shop")
    assert "airflow/connections/shop" in shop.where
    with pytest.raises(ConnectionNotFound, match=r"there is no /?airflow/connections/nobody"):
        Connection.get("nobody")
    forget_sources()


def test_other_words_for_the_fields(keep, options):
    rds = {
        "username": "etl",
        "password": "Zq7-rds",
        "engine": "postgres",
        "host": "db",
        "port": 5432,
        "dbname": "sales",
    }
    keep("airflow/connections/rds", json.dumps({**rds, "dbInstanceIdentifier": "sales-1"}))
    keep("airflow/connections/own", json.dumps({"usuario": "ana", "pass": "Zq7-own", "server": "h", "engine": "mysql"}))
    source = SecretsManagerBackend(extra_conn_words={"user": ["usuario"]}, **options)
    found = Connection.from_value(source.get_conn_value("rds"), "rds")
    assert found.get_uri() == "postgres://etl:Zq7-rds@db:5432/sales"
    assert Connection.from_value(source.get_conn_value("own"), "own").get_uri() == "mysql://ana:Zq7-own@h"


def test_a_secret_that_is_being_deleted_is_no_missing_one(cloud, keep, options):
    keep("airflow/connections/x", "generic://host")
    deleting = client(cloud, "secretsmanager")
    deleting.delete_secret(SecretId="airflow/connections/x", RecoveryWindowInDays=7)
    deleting.close()
    with pytest.raises(SecretsError, match=r"marked deleted|marked for deletion"):
        SecretsManagerBackend(**options).get_conn_value("x")


def test_the_hooks(cloud, keep):
    keep("plain", "Zq7-text")
    keep("object", '{"user": "ana", "password": "Zq7-part"}')
    secrets = SecretsManagerHook("cloud")
    assert secrets.get_secret("plain") == "Zq7-text"
    assert secrets.get_secret_as_dict("object") == {"user": "ana", "password": "Zq7-part"}
    with pytest.raises(AwsError, match="the secret 'plain' is no JSON object"):
        secrets.get_secret_as_dict("plain")
    with pytest.raises(NoSuchResource, match=r"Connection 'cloud'.*the secret 'nope' does not exist"):
        secrets.get_secret("nope")
    parameters = SsmHook("cloud")
    assert parameters.get_parameter_value("/plain") == "Zq7-text"
    assert parameters.get_parameter_value("/nope", default=None) is None
    with pytest.raises(NoSuchResource, match="the parameter '/nope' does not exist"):
        parameters.get_parameter_value("/nope")
    secrets.close()
    parameters.close()
