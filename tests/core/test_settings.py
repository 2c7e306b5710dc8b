"""Settings: precedence, every form, and errors that name the source."""

import subprocess
import sys

import pytest

from tradewind import settings
from tradewind.errors import SettingError


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def read(home, **environ):
    return settings.read({"TRADEWIND_HOME": str(home), **environ})


def test_defaults_lie_below_the_home_folder(home):
    found = read(home)
    assert found.dags_folder == f"{home}/dags"
    assert found.database_url == f"sqlite:///{home}/tradewind.db"
    assert found.executor == "local"


def test_reading_writes_nothing(home):
    read(home)
    assert not home.exists()


def test_precedence(home, tmp_path):
    home.mkdir()
    (home / "tradewind.toml").write_text("parallelism = 2\n")
    file = tmp_path / "p"
    file.write_text("4\n")
    airflow = {"AIRFLOW__CORE__PARALLELISM": "3"}
    assert read(home).parallelism == 2
    assert read(home, **airflow).parallelism == 3
    assert read(home, **airflow, TRADEWIND_PARALLELISM_CMD="echo 5").parallelism == 5
    assert (
        read(home, **airflow, TRADEWIND_PARALLELISM_CMD="echo 5", TRADEWIND_PARALLELISM_FILE=str(file)).parallelism == 4
    )
    assert read(home, **airflow, TRADEWIND_PARALLELISM="6").parallelism == 6


def test_an_empty_variable_is_not_set(home):
    assert read(home, TRADEWIND_PARALLELISM="").parallelism == 32


def test_sources_are_told(home):
    found = {s.name: s for s in settings.read_with_sources({"TRADEWIND_HOME": str(home), "TRADEWIND_EXECUTOR": "x"})}
    assert found["executor"].source == "TRADEWIND_EXECUTOR"
    assert found["parallelism"].source == "default"
    assert found["home"].source == "TRADEWIND_HOME"


def test_airflow_home_and_airflow_names(home):
    found = settings.read({"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__EXECUTOR": "LocalExecutor"})
    assert found.home == str(home)
    assert found.executor == "local"


def test_options_that_airflow_had_in_another_section_before(home):
    old = {"AIRFLOW__CORE__SQL_ALCHEMY_CONN": "postgresql://db/a", "AIRFLOW__CORE__BASE_LOG_FOLDER": "/old"}
    assert read(home, **old).database_url == "postgresql://db/a"
    assert read(home, **old).logs_folder == "/old"
    assert read(home, **old, AIRFLOW__LOGGING__BASE_LOG_FOLDER="/new").logs_folder == "/new"


def test_airflows_remote_logs(home):
    folder = {"AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": "s3://logs/airflow"}
    switched_on = {**folder, "AIRFLOW__LOGGING__REMOTE_LOGGING": "True"}
    conn_id = {"AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "my logs", "AIRFLOW__LOGGING__ENCRYPT_S3_LOGS": "False"}
    assert read(home, **folder, **conn_id).logs_url == ""
    assert read(home, **switched_on).logs_url == "s3://logs/airflow"
    assert read(home, **switched_on, **conn_id).logs_url == "s3://logs/airflow?conn_id=my+logs"
    encrypted = {**switched_on, "AIRFLOW__LOGGING__ENCRYPT_S3_LOGS": "True"}
    assert read(home, **encrypted).logs_url == "s3://logs/airflow?encrypt=true"
    elsewhere = {**encrypted, "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": "file:///logs"}
    assert read(home, **elsewhere).logs_url == "file:///logs"
    with pytest.raises(SettingError, match=r"AIRFLOW__LOGGING__REMOTE_LOGGING: 'perhaps' is neither true nor false"):
        read(home, **folder, AIRFLOW__LOGGING__REMOTE_LOGGING="perhaps")
    home.mkdir()
    (home / "tradewind.toml").write_text('logs_url = "s3://ours"\n')
    assert read(home, **folder).logs_url == "s3://ours"
    assert settings.named_in_airflow("logging", "remote_base_log_folder") == "logs_url"
    assert settings.named_in_airflow("api", "auth_backend") is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TRADEWIND_PARALLELISM", "many", "TRADEWIND_PARALLELISM"),
        ("TRADEWIND_PARALLELISM", "0", "the least is 1"),
        ("TRADEWIND_PARSE_TIMEOUT", "nan", "finite"),
        ("TRADEWIND_CATCHUP_BY_DEFAULT", "maybe", "neither true nor false"),
        ("AIRFLOW__CORE__PARALLELISM", "-", "AIRFLOW__CORE__PARALLELISM"),
        ("TRADEWIND_PARALLELISM_FILE", "/nowhere/at/all", "TRADEWIND_PARALLELISM_FILE names /nowhere/at/all"),
        ("TRADEWIND_PARALLELISM_CMD", "false", "exit code 1"),
        ("TRADEWIND_PARALLELISM_CMD", "no-such-program-here", "cannot be run"),
    ],
)
def test_a_bad_value_names_its_source(home, name, value, told):
    with pytest.raises(SettingError) as caught:
        read(home, **{name: value})
    assert told in str(caught.value)


def test_a_bad_secret_is_not_shown(home):
    home.mkdir()
    (home / "tradewind.toml").write_text("database_url = 4711\n")
    with pytest.raises(SettingError) as caught:
        read(home)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parallelism = ", "not valid TOML"),
        ("paralelism = 3", "did you mean 'parallelism'"),
        ("parallelism = true", "a whole number is wanted"),
        ("executor = 3", "text is wanted"),
        ("secrets_sources = 3", "a list of words"),
    ],
)
def test_a_corrupt_settings_file_is_named(home, text, told):
    home.mkdir()
    (home / "tradewind.toml").write_text(text)
    with pytest.raises(SettingError) as caught:
        read(home)
    assert told in str(caught.value)
    assert "tradewind.toml" in str(caught.value)


def test_lists(home):
    assert read(home, TRADEWIND_SECRETS_SOURCES="a, b,").secrets_sources == ("a", "b")


def test_every_setting_has_one_line_of_help():
    for found in settings.read_with_sources({}):
        assert found.help
        assert "\n" not in found.help


def test_importing_reads_nothing():
    code = "import os; os.environ['TRADEWIND_PARALLELISM'] = 'bad'; import tradewind, tradewind.settings"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_secrets_are_not_shown():
    given = {"TRADEWIND_DATABASE_URL": "postgresql://me:hush@db/meta", "TRADEWIND_FERNET_KEYS": "hush1,hush2"}
    given["TRADEWIND_SECRETS_OPTIONS"] = '{"vault": {"token": "hush3"}}'
    found = settings.read(given)
    assert (found.database_url, found.fernet_keys) == ("postgresql://me:hush@db/meta", ("hush1", "hush2"))
    assert "hush" not in repr(found)
    assert "hush" not in repr(settings.read_with_sources(given))
