"""Each provider of a cloud service installs alone, with its own vendor's libraries only, and loads none of them."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Provider -> its vendor's libraries, and what one imports of it.
PROVIDERS = {
    "aws": ({"boto3", "botocore", "s3transfer"}, "S3Hook, S3Object, S3KeySensor, AwsSandbox"),
    "gsheet": ({"gspread", "googleapiclient", "google.auth", "httplib2"}, "GSheetsHook, Sheet, GSheetSandbox"),
    "slack": ({"slack_sdk"}, "SlackHook, SlackNotifier, SlackAPIPostOperator, SlackFile, SlackSandbox"),
    "http": ({"requests", "urllib3"}, "HttpHook, HttpOperator, HttpSensor, HttpJson, HttpSandbox"),
}

#: Distributions that only one of them may bring.
OF_ONE = {"boto3": "aws", "gspread": "gsheet", "google-api-python-client": "gsheet", "slack-sdk": "slack"}
NEVER = {"moto", "flask", "pandas", "polars", "pyarrow", "zstandard", "xlsxwriter", "psycopg2-binary", "pymysql"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_installs_alone_and_loads_no_vendor_library(name, environment, wheel_of, tmp_path):
    alone = environment(wheel_of(ROOT / "providers" / name))
    listed = {found["name"].lower() for found in json.loads(alone.pip("list", "--format=json"))}
    others = {distribution for distribution, owner in OF_ONE.items() if owner != name}
    assert not listed & (others | NEVER)
    assert {found for found in listed if found.startswith("tradewind")} == {"tradewind", f"tradewind-{name}"}

    vendor, imported = PROVIDERS[name]
    code = (
        f"from tradewind_{name} import {imported}\n"
        "import sys\n"
        f"print(sorted({vendor!r} & set(sys.modules)))\n"
        "from tradewind import plugins\n"
        "found = plugins.current()\n"
        "print(found.failures, sorted(found.connection_types))\n"
        f"print(sorted({vendor!r} & set(sys.modules)))\n"
    )
    done = alone.python("-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    first, told, last = done.stdout.splitlines()
    assert (first, last) == ("[]", "[]")
    assert told.startswith("[] "), told

    code = (
        "from tradewind.cli import main\n"
        "import os; os.environ['TRADEWIND_CONN_WAREHOUSE'] = 'postgres://etl:pw@db.example/sales'\n"
        "main(['connections', 'test', 'warehouse'])\n"
        "open('needs_more.py', 'w').write('import tradewind_postgres.hook')\n"
        "main(['run', 'needs_more.py'])\n"
        "main(['sandbox', 'start', 'postgres'])\n"
    )
    missing = alone.python("-c", code, cwd=tmp_path).stderr
    command = "pip install 'tradewind[postgres]'"
    assert f"the provider of its type, 'postgres', is not installed: {command}." in missing
    assert f"No module named 'tradewind_postgres'; it comes with a provider: {command}" in missing
    assert f"The provider of the connection type 'postgres' is not installed: {command}" in missing
