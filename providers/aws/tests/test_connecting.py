"""What connections say is what boto3 is told, and what cannot be right is an error: no server is needed for that."""

from __future__ import annotations

import json
import logging

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tradewind.connection import Connection, stand_ins
from tradewind.errors import BrokenConnection, ConnectionNotFound, UsageError
from tradewind_aws import AwsBaseHook, AwsGenericHook, S3Hook
from tradewind_aws.errors import AwsError, BadCredentials


@pytest.fixture
def aws(monkeypatch):
    """A hook for a connection that is written into the environment."""

    def hook(value, kind=AwsBaseHook, **given):
        monkeypatch.setenv("AIRFLOW_CONN_X", value if isinstance(value, str) else json.dumps(value))
        return kind("x", **({"client_type": "s3"} if kind is AwsBaseHook else {}) | given)

    return hook


@pytest.fixture
def ambient(monkeypatch):
    """Credentials of the machine, which must not be used by accident."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")


def keys(hook):
    found = hook.get_credentials()
    return found.access_key, found.secret_key, found.token


# -- whose credentials


def test_the_login_comes_first_then_extras_then_session_kwargs(aws):
    extra = {"aws_access_key_id": "AKIAEXTRA", "aws_secret_access_key": "extra", "aws_session_token": "token"}
    old = {"session_kwargs": {"aws_access_key_id": "AKIAOLD", "aws_secret_access_key": "old"}}
    everything = {"conn_type": "aws", "login": "AKIALOGIN", "password": "login", "extra": extra | old}
    assert keys(aws(everything)) == ("AKIALOGIN", "login", "token")
    assert keys(aws({"conn_type": "aws", "extra": extra | old})) == ("AKIAEXTRA", "extra", "token")
    assert keys(aws({"conn_type": "aws", "extra": old})) == ("AKIAOLD", "old", None)


def test_a_secret_with_a_slash_needs_no_quoting(aws):
    assert keys(aws("aws://AKIAX:wJalr/XUtn+FEMI/K7?MDENG%20@/?region_name=eu-west-1")) == (
        "AKIAX", "wJalr/XUtn+FEMI/K7?MDENG ", None,
    )  # fmt: skip


@pytest.mark.usefixtures("ambient")
@pytest.mark.parametrize(
    "fields",
    [
        {"login": "AKIAX"},
        {"password": "Zq7-half"},
        {"extra": {"aws_access_key_id": "AKIAX"}},
        {"extra": {"aws_secret_access_key": "Zq7-half"}},
        {"extra": {"session_kwargs": {"aws_secret_access_key": "Zq7-half"}}},
        {"extra": {"aws_session_token": "Zq7-half"}},
    ],
)
def test_half_a_pair_of_keys_is_no_reason_to_take_those_of_the_machine(aws, fields):
    with pytest.raises(BrokenConnection, match="Connection 'x' has a") as caught:
        aws({"conn_type": "aws", **fields}).get_conn()
    assert "Zq7-half" not in str(caught.value)


@pytest.mark.usefixtures("ambient")
def test_a_missing_connection_is_an_error_unless_it_is_the_default(monkeypatch, caplog):
    with pytest.raises(ConnectionNotFound, match="'prod_aws' is not defined"):
        AwsBaseHook("prod_aws", client_type="s3").get_conn()
    with caplog.at_level(logging.INFO):
        assert keys(AwsBaseHook(client_type="s3")) == ("AKIAAMBIENT", "ambient-secret", None)
    assert "There is no connection 'aws_default'" in caplog.text
    for nothing in (None, ""):
        assert keys(AwsBaseHook(nothing, client_type="s3"))[0] == "AKIAAMBIENT"


@pytest.mark.usefixtures("ambient")
def test_with_sandboxes_the_credentials_of_the_machine_are_not_used(monkeypatch):
    monkeypatch.setenv(stand_ins.VARIABLE, "")
    with pytest.raises(ConnectionNotFound, match=r"--sandbox-type aws_default=TYPE"):
        S3Hook().get_credentials()
    with pytest.raises(BrokenConnection, match=r"credentials of this machine, which are not used with --sandbox"):
        S3Hook(aws_conn_id=None).get_credentials()


@pytest.mark.usefixtures("ambient")
@pytest.mark.parametrize("name", ["AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW_CONN_PROD_AWS"])
def test_a_broken_connection_is_an_error_whatever_it_is_called(monkeypatch, name):
    monkeypatch.setenv(name, "aws://AKIAX:Zq7-secret@host:port/")
    hook = S3Hook(name.removeprefix("AIRFLOW_CONN_").lower())
    works, told = hook.test_connection()
    assert not works
    assert name in told
    assert "Zq7-secret" not in told
    with pytest.raises(BrokenConnection):
        hook.get_conn()


@pytest.mark.usefixtures("ambient")
def test_a_connection_without_keys_uses_those_that_boto3_finds(aws):
    hook = aws("aws:///?region_name=eu-west-1")
    assert keys(hook)[0] == "AKIAAMBIENT"
    assert hook.conn_region_name == "eu-west-1"


@pytest.mark.usefixtures("ambient")
def test_a_store_without_keys_is_asked_anonymously(aws):
    """The machine's keys are for AWS and for nobody else."""
    hook = aws("s3://public.example:9000/data?tls=false", S3Hook)
    assert hook.get_conn().meta.config.signature_version == UNSIGNED
    assert hook.generate_presigned_url("get_object", {"Key": "k"}) == "http://public.example:9000/data/k"
    hook.close()


def test_without_any_credentials(aws):
    with pytest.raises(BadCredentials, match="Connection 'x': there are no credentials"):
        aws("aws:///?region_name=eu-west-1").get_credentials()
    works, told = aws("aws:///?region_name=eu-west-1").test_connection()
    assert not works
    assert "there are no credentials" in told


def test_a_profile(aws, monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text(
        "[loader]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = profile-secret\n", encoding="utf-8"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert keys(aws("aws:///?profile_name=loader")) == ("AKIAPROFILE", "profile-secret", None)
    told = r"Connection 'x': The config profile \(lodaer\) could not be found\. It is named by .* or none\."
    with pytest.raises(BadCredentials, match=told):
        aws("aws:///?profile_name=lodaer").get_conn()
    monkeypatch.setenv("AWS_PROFILE", "lodaer")
    with pytest.raises(BadCredentials, match=told):  # boto3 looks for it though there are keys
        aws("aws://key:secret@/?region_name=eu-west-1").get_conn()


# -- region, servers, options


@pytest.mark.usefixtures("ambient")
def test_the_region_is_that_of_the_hook_then_the_connections_then_boto3s(aws):
    assert aws("aws://k:s@/?region_name=eu-west-1", region_name="us-west-2").conn_region_name == "us-west-2"
    assert aws("aws://k:s@/?region_name=eu-west-1").conn_region_name == "eu-west-1"
    assert aws("aws://k:s@/").conn_region_name == "ap-south-1"
    assert aws("aws://k:s@/?region_name=cn-north-1").conn_partition == "aws-cn"


def test_without_a_region(aws):
    with pytest.raises(AwsError, match=r"Connection 'x'.*give the connection region_name="):
        aws("aws://k:s@/", client_type="ssm").get_conn()


@pytest.mark.parametrize(
    ("uri", "verify"),
    [
        ("aws://k:s@/?verify=false", False),
        ("aws://k:s@/?verify=False", False),
        ("aws://k:s@/?verify=true", True),
        ("aws://k:s@/?verify=/etc/ssl/own.pem", "/etc/ssl/own.pem"),
        ("aws://k:s@/", None),
    ],
)
def test_verify_is_a_truth_value_or_a_file(aws, uri, verify):
    assert aws(uri).verify == verify


def test_verify_of_the_hook_counts_more(aws):
    assert aws("aws://k:s@/?verify=/etc/ssl/own.pem", verify=False).verify is False
    assert aws({"conn_type": "aws", "extra": {"verify": False}}).verify is False


def test_options_from_a_uri_are_typed(aws):
    hook = aws(
        "aws://k:s@/?region_name=eu-west-1&config_kwargs.read_timeout=5&config_kwargs.retries.max_attempts=2"
        "&config_kwargs.tcp_keepalive=true"
    )
    assert (hook.config.read_timeout, hook.config.retries, hook.config.tcp_keepalive) == (
        5, {"max_attempts": 2}, True,
    )  # fmt: skip
    as_json = aws('aws://k:s@/?config_kwargs={"read_timeout": 7, "s3": {"addressing_style": "path"}}')
    assert (as_json.config.read_timeout, as_json.config.s3) == (7, {"addressing_style": "path"})


def test_options_of_the_hook_count_more(aws):
    uri = "aws://k:s@/?config_kwargs.read_timeout=5&config_kwargs.connect_timeout=6"
    for config in ({"read_timeout": 8}, Config(read_timeout=8)):
        hook = aws(uri, config=config)
        assert (hook.config.read_timeout, hook.config.connect_timeout) == (8, 6)
    with pytest.raises(UsageError, match="config must be a mapping or botocore's Config, not str"):
        _ = aws(uri, config="x").config
    with pytest.raises(UsageError, match=r"Connection 'x': config_kwargs: .*raed_timeout"):
        _ = aws("aws://k:s@/?config_kwargs.raed_timeout=5").config


def test_a_server_for_one_service_counts_more_than_one_for_all(aws):
    hook = aws("aws://k:s@/?endpoint_url=http://all:1&service_config.s3.endpoint_url=http://own:2&region_name=x-y-1")
    assert hook.get_conn().meta.endpoint_url == "http://own:2"
    assert hook.make_client("ssm").meta.endpoint_url == "http://all:1"
    hook.close()


def test_roles_are_asked_for_at_aws_and_not_at_the_server_for_all(aws):
    settings = aws("aws://k:s@/?endpoint_url=http://minio:9000").conn_config
    assert settings.get_service_endpoint_url("sts") is None
    own = aws("aws://k:s@/?endpoint_url=http://minio:9000&service_config.sts.endpoint_url=http://sts:1").conn_config
    assert own.get_service_endpoint_url("sts") == "http://sts:1"


def test_the_host_of_an_aws_connection_is_the_server_for_all(aws):
    hook = aws("aws://k:s@localstack:4566/?tls=false&region_name=eu-west-1", client_type="sqs")
    assert hook.get_conn().meta.endpoint_url == "http://localstack:4566"
    with pytest.raises(BrokenConnection, match="which mean the same"):
        aws("aws://k:s@localstack:4566/?endpoint_url=http://other:1").get_conn()


# -- stores that are not AWS


@pytest.mark.parametrize(
    ("uri", "server"),
    [
        ("s3://k:s@minio:9000/lake?tls=false", "http://minio:9000"),
        ("s3://k:s@minio:9000/lake", "https://minio:9000"),
        ("s3://k:s@http://minio:9000/lake", "http://minio:9000"),
        ("s3://k:s@[::1]:9000/lake?tls=false", "http://[::1]:9000"),
        ("s3://k:s@account.r2.cloudflarestorage.com/lake?region_name=auto", "https://account.r2.cloudflarestorage.com"),
    ],
)
@pytest.mark.usefixtures("ambient")
def test_a_store_in_one_line(aws, uri, server):
    hook = aws(uri, S3Hook)
    client = hook.get_conn()
    assert client.meta.endpoint_url == server
    assert client.meta.region_name == ("auto" if "auto" in uri else "us-east-1")
    assert hook.bucket_name == "lake"
    assert client.meta.config.s3["addressing_style"] == "path"
    assert client.meta.config.request_checksum_calculation == "when_required"
    assert hook.generate_presigned_url("get_object", {"Key": "k"}).startswith(f"{server}/lake/k?X-Amz-Algorithm=")
    hook.close()


def test_a_connection_of_a_store_gives_its_hook():
    hook = Connection.from_uri("s3://k:s@minio:9000/lake", "store").get_hook()
    assert type(hook) is S3Hook
    assert type(Connection.from_uri("aws://k:s@/", "cloud").get_hook()) is AwsGenericHook


@pytest.mark.parametrize(
    ("uri", "server", "region"),
    [
        ("s3://k:s@s3.eu-west-1.amazonaws.com/lake", "https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
        (
            "s3://k:s@s3.dualstack.us-west-2.amazonaws.com/b",
            "https://s3.dualstack.us-west-2.amazonaws.com",
            "us-west-2",
        ),
        ("s3://k:s@/lake?region_name=eu-west-1", "https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
    ],
)
def test_s3_at_aws_is_as_boto3_has_it(aws, uri, server, region):
    hook = aws(uri, S3Hook)
    client = hook.get_conn()
    assert (client.meta.endpoint_url, client.meta.region_name) == (server, region)
    assert "addressing_style" not in (client.meta.config.s3 or {})
    assert client.meta.config.request_checksum_calculation == "when_supported"
    hook.close()


def test_a_store_may_have_options_of_its_own(aws):
    options = "config_kwargs.s3.addressing_style=virtual&config_kwargs.max_pool_connections=3"
    hook = aws(f"s3://k:s@store:1/b?{options}", S3Hook)
    assert (hook.config.s3, hook.config.max_pool_connections) == ({"addressing_style": "virtual"}, 3)


def test_keys_of_a_store_are_shown_to_nobody_else(aws):
    hook = aws("s3://k:s@minio:9000/lake")
    for ask in (lambda: hook.make_client("ssm"), lambda: hook.account_id, lambda: hook.make_client("sts")):
        with pytest.raises(BrokenConnection, match="Connection 'x' leads to a store that has S3, and no 's"):
            ask()


# -- what cannot be right


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("aws://k:s@/?rolearn=x", "did you mean 'role_arn'"),
        ("aws://k:s@/?region=x", "did you mean 'region_name'"),
        ("s3://k:s@h/b?role_arn=x", "an extra 'role_arn', which s3 connections do not"),
        ("aws://k:s@/?endpoint_url=minio:9000", "must be http://host:port"),
        ("aws://k:s@/?service_config.s3=x", "service_config.s3 must be a JSON object"),
        ("s3://k:s@h/bucket/prefix", "a bucket, and no path in one"),
        ("s3://k:s@a,b/bucket", "several hosts"),
        ("aws://k:s@/?assume_role_kwargs.ExternalId=1", "add role_arn"),
        ("aws://k:s@/?role_arn=r&assume_role_method=assume_role_with_web_identity", "token_file"),
        ("aws://k:s@/?role_arn=r&assume_role_method=assume_role_with_saml", "must be one of assume_role"),
        ("postgres://k:s@h/d", "of type 'postgres'"),
    ],
)
def test_what_cannot_be_right_is_told(aws, value, told):
    with pytest.raises(BrokenConnection, match=told) as caught:
        _ = aws(value).conn_config
    assert "'x'" in str(caught.value)


def test_which_service():
    with pytest.raises(UsageError, match="client_type or resource_type, and not both"):
        AwsBaseHook(None, client_type="s3", resource_type="s3")
    with pytest.raises(UsageError, match=r"needs client_type= or resource_type="):
        AwsBaseHook(None).get_conn()
    with pytest.raises(AwsError, match="Unknown service: 's4'"):
        AwsBaseHook(None, client_type="s4").get_conn()


def test_settings_do_not_show_secrets(aws):
    extra = {"aws_session_token": "Zq7-token", "role_arn": "arn:aws:iam::1:role/r"}
    fields = {
        "login": "k",
        "password": "Zq7-secret",
        "extra": {**extra, "assume_role_kwargs": {"ExternalId": "Zq7-id"}},
    }
    shown = repr(aws({"conn_type": "aws", **fields}).conn_config)
    assert "Zq7" not in shown
    assert "role/r" in shown
