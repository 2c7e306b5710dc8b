"""Importing a hook costs next to nothing, and loads neither boto3 nor anything else that is not used yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What is loaded only by what uses it.
LATER = (
    "boto3", "botocore", "moto", "pyarrow", "jinja2", "click", "msgspec", "pluggy", "logging", "decimal", "json",
    "pathlib", "dataclasses", "inspect", "ipaddress", "hashlib", "tradewind.connection", "tradewind.plugins",
)  # fmt: skip


def modules(code):
    """Names of the modules that a fresh interpreter has after some code."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


@pytest.mark.parametrize("name", ["S3Hook", "AwsBaseHook", "SecretsManagerHook"])
def test_what_the_import_loads(name):
    found = modules(f"from tradewind_aws import {name}") - modules("import tradewind")
    assert {name for name in LATER if name in found} == set()
    assert len([name for name in found if name.startswith("tradewind")]) <= 14


def test_boto3_is_loaded_by_the_first_client():
    code = "from tradewind_aws import S3Hook\nhook = S3Hook('x')\nhook.bucket_name, hook.region_name, hook.verify"
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AIRFLOW_CONN_X", "s3://k:s@h/b")
        assert "botocore" not in modules(code)


def test_a_script_writes_nothing(server, tmp_path):
    code = "from tradewind_aws import S3Hook; S3Hook('x').load_string('hello', 'k'); print(S3Hook('x').read_key('k'))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"AIRFLOW_CONN_X": server.get_uri(), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")
    assert list(tmp_path.rglob("*")) == []
