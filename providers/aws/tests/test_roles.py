"""Roles are taken on at a real STS, by keys and by web identity, and their credentials refresh themselves."""

from __future__ import annotations

import base64
import json

import pytest
from botocore.stub import Stubber

from tradewind.sandbox import Control
from tradewind.secrets import redact
from tradewind_aws import AwsBaseHook, S3Hook
from tradewind_aws.errors import AccessDenied, AwsError, BadCredentials, NoSuchResource

ROLE = "arn:aws:iam::{account}:role/loader"


@pytest.fixture
def account(cloud):
    with AwsBaseHook("cloud", client_type="sts") as hook:
        return hook.account_id


@pytest.fixture
def role(cloud, account, monkeypatch):
    """Makes the connection `role`, that of `cloud` with extras."""

    def role(keys=True, **extra):
        fields = cloud.to_dict() | ({} if keys else {"login": None, "password": None})
        fields["extra"] = {**cloud.extra_dejson, "role_arn": ROLE.format(account=account), **extra}
        monkeypatch.setenv("AIRFLOW_CONN_ROLE", json.dumps(fields))
        return S3Hook("role")

    return role


@pytest.fixture
def asked(cloud):
    """How often STS was asked to do something."""
    control = Control(cloud)
    control.clear()
    return lambda: len([call for call in control.calls() if call.method == "POST" and call.target == "/"])


def token(subject):
    body = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def test_a_role_is_taken_on_once(role, asked):
    with role() as hook:
        hook.load_string("x", "k")
        assert hook.read_key("k") == "x"
        found = hook.get_credentials()
    assert found.access_key.startswith("ASIA")
    assert asked() == 1
    assert redact(f"{found.secret_key} {found.token}") == "*** ***"


def test_the_session_has_airflows_name(role):
    with role() as hook:
        hook.client_type = "sts"
        assert hook.get_conn().get_caller_identity()["Arn"].endswith(":assumed-role/loader/Airflow_role")
    with role(assume_role_kwargs={"RoleSessionName": "nightly"}) as hook:
        hook.client_type = "sts"
        assert hook.get_conn().get_caller_identity()["Arn"].endswith("/nightly")


def test_credentials_that_end_soon_are_refreshed(role, asked):
    """botocore asks anew a quarter of an hour before the end, and such a session lasts no longer."""
    with role(assume_role_kwargs={"DurationSeconds": 900}) as hook:
        hook.load_string("x", "k")
        first = asked()
        assert hook.read_key("k") == "x"
        assert asked() > first


def test_a_session_that_was_ended_is_told(role, cloud):
    with role() as hook:
        hook.load_string("x", "k")
        Control(cloud).act("expire_sessions")
        with pytest.raises(BadCredentials, match=r"Connection 'role'.*session token has expired"):
            hook.read_key("k")


def test_web_identity_needs_no_keys_and_reads_its_file_again(role, asked, tmp_path, cloud):
    file = tmp_path / "identity"
    file.write_text(token("first"), encoding="utf-8")
    extra = {
        "assume_role_method": "assume_role_with_web_identity",
        "assume_role_with_web_identity_token_file": str(file),
        "assume_role_kwargs": {"DurationSeconds": 900},
    }
    with role(keys=False, **extra) as hook:
        hook.load_string("x", "k")
        assert asked() >= 1
        file.write_text("no token at all", encoding="utf-8")
        with pytest.raises(
            AwsError, match=r"the role arn:aws:iam::\d+:role/loader cannot be taken on \(InvalidIdentity"
        ):
            role(keys=False, **extra).read_key("k")
        file.unlink()
        with pytest.raises(BadCredentials, match="Connection 'role': the file with its web identity cannot be read"):
            role(keys=False, **extra).read_key("k")


def test_a_role_that_cannot_be_had(role, cloud):
    Control(cloud).fault("status", status=403, method="POST", path="^/$")
    with role() as hook, pytest.raises(AccessDenied, match=r"Connection 'role'.*the role .*/loader cannot be taken on"):
        hook.read_key("k")


def test_who_one_is(cloud, account):
    with AwsBaseHook("cloud", client_type="ssm") as hook:
        assert len(account) == 12
        assert hook.account_id == account
        assert hook.expand_role("arn:aws:iam::1:role/x") == "arn:aws:iam::1:role/x"
        assert hook.conn_region_name == "us-east-1"
        assert hook.conn_partition == "aws"
        assert hook.conn_client_meta.service_model.service_name == "ssm"


def test_the_arn_of_a_role_that_is_named(monkeypatch):
    """The sandbox has no IAM: its answer is played."""
    monkeypatch.setenv("AIRFLOW_CONN_X", "aws://k:s@/?region_name=eu-west-1")
    hook = AwsBaseHook("x", client_type="s3")
    client = hook.make_client("iam")
    monkeypatch.setattr(hook, "make_client", lambda service, region_name=None: client)
    arn = "arn:aws:iam::123456789012:role/loader"
    role = {"Path": "/", "RoleName": "loader", "RoleId": "A" * 16, "Arn": arn, "CreateDate": "2024-01-01T00:00:00Z"}
    with Stubber(client) as stub:
        stub.add_response("get_role", {"Role": role}, {"RoleName": "loader"})
        assert hook.expand_role("loader") == arn
        stub.add_client_error("get_role", "NoSuchEntity", "told by IAM", http_status_code=404)
        with pytest.raises(NoSuchResource, match=r"Connection 'x', iam in eu-west-1: the role 'nobody' does not exist"):
            hook.expand_role("nobody")
    hook.close()


def test_the_test_asks_sts_where_there_is_no_bucket(cloud, account, monkeypatch):
    fields = cloud.to_dict() | {"schema": None}
    fields["extra"] = {"region_name": "us-east-1", "service_config": cloud.extra_dejson["service_config"]}
    fields |= {"host": None, "port": None}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps(fields))
    works, told = AwsBaseHook("cloud", client_type="s3").test_connection()
    assert (works, told) == (
        True,
        f"The credentials are those of arn:aws:iam::{account}:user/sandbox, in the account {account}.",
    )


def test_waiters(cloud):
    with AwsBaseHook("cloud", client_type="s3") as hook:
        assert "bucket_exists" in hook.list_waiters()
        hook.get_waiter("bucket_exists").wait(Bucket="sandbox")
        waiter = hook.get_waiter("object_exists", config_overrides={"delay": 0, "maxAttempts": 2})
        with pytest.raises(Exception, match="Max attempts exceeded"):
            waiter.wait(Bucket="sandbox", Key="nope")
        with pytest.raises(Exception, match="There is no waiter 'bucket_exist'"):
            hook.get_waiter("bucket_exist")


def test_a_resource(cloud):
    with AwsBaseHook("cloud", resource_type="s3") as hook:
        assert [bucket.name for bucket in hook.conn.buckets.all()] == ["sandbox"]
        assert hook.conn_region_name == "us-east-1"
