"""The command line as a whole: loading, help, errors, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys

import click
import pytest

from tradewind import plugins
from tradewind.cli import main
from tradewind.cli.app import AIRFLOWS, COMMANDS, root


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradewind", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        check=False,
    )


def all_commands(command: click.Command, path: tuple[str, ...] = ()):
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from all_commands(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_table_is_that_of_the_command(name):
    path, text = COMMANDS[name]
    command = plugins.load_object(path)
    assert command.name == name
    assert command.get_short_help_str(1000).removesuffix(".") == text.removesuffix(".")


def test_every_command_says_what_it_does_and_takes_debug():
    for path, command in all_commands(root):
        assert command.help, path
        assert command.help.strip().endswith((".", "?")), path
        if not isinstance(command, click.Group):
            assert any("--debug" in parameter.opts for parameter in command.params), path


def test_every_option_says_what_it_is_for():
    for path, command in all_commands(root):
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, (path, option.name)
                assert option.help.endswith("."), (path, option.name)


def test_every_command_prints_its_help(capsys):
    for path, _ in all_commands(root):
        assert main([*path, "--help"]) == 0
        assert capsys.readouterr().out.startswith(" ".join(["Usage: tradewind", *path]))


def test_the_version_is_an_option_too(capsys):
    assert main(["--version"]) == main(["version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_version_and_help_load_neither_the_store_nor_a_template_engine():
    code = "import sys; from tradewind.cli import main; main([{!r}]); print(*sys.modules, file=sys.stderr)"
    for command in ("version", "--help"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(command)], capture_output=True, text=True, timeout=60, check=True
        )
        loaded = set(done.stderr.split())
        assert "click" in loaded
        assert not loaded & {"sqlalchemy", "alembic", "jinja2", "rich", "cryptography", "tradewind.store.store"}


def test_what_executors_start_does_not_load_click():
    code = "import sys; from tradewind.cli import main; main(['task', 'run', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "rich" not in done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "There is no command 'nonsense'; there are: standalone"),
        (["dags", "lst"], "did you mean 'list'?"),
        (["dags", "list", "-o", "xml"], "'xml' is not one of 'table', 'json', 'yaml'"),
        (["dags", "list", "--nonsense"], "--nonsense"),
        (["dags", "trigger"], "DAG_ID"),
        (["dags", "trigger", "x", "--conf", "{"], "it is not JSON"),
        (["dags", "trigger", "x", "--conf", "[1]"], "a JSON object is wanted"),
        (["dags", "trigger", "x", "--logical-date", "31.1.2025"], "is not a date like"),
        (["dags", "list"], "There is no metadata database at"),
        (["config", "get", "paralelism"], "did you mean 'parallelism'?"),
        (["config", "get-value", "api", "auth_backend"], "There is no setting 'api auth_backend'"),
        (["config", "get", "a", "b", "c"], "Give one name, or a section and an option of Airflow's."),
        (["backfill", "d", "-s", "2025-01-01"], "`tradewind dags trigger DAG_ID --logical-date DATE` makes one run"),
        (["dags", "backfill", "d"], "`tradewind dags trigger DAG_ID --logical-date DATE` makes one run"),
        (["webserver", "-p", "8080"], "`tradewind standalone` runs everything"),
        (["users", "create"], "nobody logs in"),
        (["tasks", "run", "d", "t", "2025-01-01"], "`tradewind tasks test` runs one here"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(arguments, told, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert told in printed.err


@pytest.mark.parametrize("group", [[], ["dags"], ["connections"]])
def test_a_group_without_a_command_prints_its_help_line_by_line(group, capsys):
    assert main(group) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0].startswith(f"Usage: {' '.join(['tradewind', *group])}")
    assert "\nCommands:\n" in printed.err


def test_the_help_of_no_command_is_cut_off(capsys):
    for path, command in all_commands(root):
        if isinstance(command, click.Group):
            assert main([*path, "--help"]) == 0
            assert "..." not in capsys.readouterr().out.replace("[ARGS]...", ""), path


def test_debug_shows_the_traceback_before_the_line(capsys):
    assert main(["db", "check", "--debug"]) == 2
    assert main(["--debug", "db", "check"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("Traceback (most recent call last)") == 2
    assert printed.splitlines()[-1].startswith("There is no metadata database")


def on_a_terminal(*arguments: str, columns: int = 80, **more: str) -> str:
    """What a command prints when stdout and stderr are a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tradewind", *arguments]
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "", **more}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while chunk := os.read(ours, 1000):
                printed += chunk
        process.wait(timeout=60)
    os.close(ours)
    return printed.decode()


def test_an_error_is_red_on_a_terminal():
    assert on_a_terminal("nonsense").startswith("\x1b[31mThere is no command")


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(wish):
    for command in (["nonsense"], ["config", "list"], ["providers", "check", "sql"]):
        assert "\x1b[3" not in on_a_terminal(*command, **wish)


def test_a_table_is_drawn_on_a_terminal():
    printed = on_a_terminal("providers", "list")
    assert "─" in printed
    assert "core" in printed
    plain = on_a_terminal("providers", "list", "-o", "plain").replace("\r\n", "\n")
    assert plain == run("providers", "list").stdout


def test_a_narrow_terminal_does_without_some_columns_and_says_so(tmp_path):
    environ = "AIRFLOW_CONN_LAKE", "TRADEWIND_CONN_LAKE"
    with pytest.MonkeyPatch.context() as patch:
        for name in environ:
            patch.setenv(name, "s3://key@lake.example/raw")
        narrow, wide = on_a_terminal("connections", "list"), on_a_terminal("connections", "list", columns=200)
    for name in environ:
        assert name in narrow  # unbroken, to be copied
        assert name in wide
    assert "Left out: source" in narrow
    assert "Left out" not in wide
    assert "environment" in wide
    assert "error" not in wide  # nobody has one


def test_a_bad_setting_is_named_with_its_source():
    done = run("dags", "list", TRADEWIND_PARALLELISM="many")
    assert done.returncode == 2
    assert done.stderr.startswith("TRADEWIND_PARALLELISM: the setting parallelism cannot be 'many'")
    assert len(done.stderr.splitlines()) == 1


def test_a_misspelt_variable_of_a_setting_is_told_and_nothing_else(capsys, monkeypatch):
    for name in ("TRADEWIND_PARALELISM", "TRADEWIND_PARALLELISM_FILES", "TRADEWIND_CONN_HOME", "TRADEWIND_PLUGINS"):
        monkeypatch.setenv(name, "")
    assert main(["config", "get", "parallelism"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "TRADEWIND_PARALELISM is no setting; did you mean TRADEWIND_PARALLELISM?"
    assert all("PARALLELISM_FILES" in line for line in told[1:])


def test_a_zone_that_there_is_not_is_blamed_on_the_setting_and_not_on_the_dag(tmp_path):
    (tmp_path / "dag.py").write_text(
        "from tradewind import DAG\ndag = DAG('x', start_date='2025-01-01', schedule='@daily')\n"
    )
    done = run("run", str(tmp_path / "dag.py"), TRADEWIND_DEFAULT_TIMEZONE="Europe/Berln")
    assert (
        "The setting default_timezone: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"
        in done.stderr
    )


def test_the_check_of_a_provider_that_there_is_not_is_one_line():
    done = run("providers", "check", "slak")
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert "No provider is called 'slak'. Installed: " in done.stderr


def test_a_home_that_cannot_be_made_is_one_line():
    done = run("standalone", TRADEWIND_HOME="/dev/null/home")
    assert done.returncode == 2
    assert done.stderr.startswith("The folder /dev/null/home cannot be made: ")


def test_a_reader_that_goes_away_is_no_error():
    command = f"{shlex.quote(sys.executable)} -m tradewind config list -o json | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[", "")


def test_airflows_names_for_commands_work(home, capsys):
    assert main(["db", "migrate"]) == 0
    assert main(["dags", "list-import-errors"]) == 0
    assert main(["config", "get-value", "executor"]) == 0
    assert "local" in capsys.readouterr().out
    assert main(["dags", "list-runs"]) == 0
    assert "no such runs" in capsys.readouterr().err
    assert main(["plugins", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "core"
    assert main(["rotate-fernet-key"]) == 0
    assert "encrypted with the new key" in capsys.readouterr().out
    assert main(["db", "check-migrations"]) == 0
    assert main(["dags", "clear", "nothing"]) == 2
    assert "There is no DAG 'nothing'" in capsys.readouterr().err
    assert main(["config", "get-value", "database", "sql_alchemy_conn"]) == 0
    assert capsys.readouterr().out == f"sqlite:///{home}/tradewind.db\n"


def test_commands_as_airflow_1_called_them(home, capsys):
    assert main(["initdb"]) == 0
    assert main(["list_dags"]) == 0
    assert f"`tradewind scheduler` reads the files in {home}/dags" in capsys.readouterr().err
    assert main(["clear", "no-such", "-y"]) == 2
    assert "There is no DAG 'no-such'" in capsys.readouterr().err
    context = click.Context(root)
    commands = [command for _, command in all_commands(root)]
    assert all(root.get_command(context, name) in commands for name in AIRFLOWS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_this_command_line(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_TRADEWIND_COMPLETE" in script
    assert f"tradewind completion {shell}" in script.splitlines()[0]


def test_the_shell_completes_commands():
    done = run(_TRADEWIND_COMPLETE="bash_complete", COMP_WORDS="tradewind dags tr", COMP_CWORD="2")
    assert done.stdout.split() == ["plain,trigger"]


def test_a_plugin_adds_a_command_and_a_broken_one_only_warns(tmp_path):
    (tmp_path / "plug").mkdir()
    (tmp_path / "plug" / "good.py").write_text(
        "from tradewind.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_commands(cli):\n"
        "    @cli.command()\n"
        "    def ahoy():\n"
        "        'Greets.'\n"
        "        print('ahoy there')\n"
    )
    (tmp_path / "plug" / "bad.py").write_text(
        "from tradewind.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_commands(cli):\n"
        "    @cli.command()\n"
        "    def dags():\n"
        "        'Takes a name that the core has.'\n"
    )
    info = tmp_path / "plug" / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tradewind]\ngood = good\nbad = bad\n")
    environ = {"PYTHONPATH": str(tmp_path / "plug")}
    done = run("ahoy", **environ)
    assert (done.returncode, done.stdout) == (0, "ahoy there\n")
    assert "The commands of the plugin 'bad' are left out: registers the command 'dags'" in done.stderr
    assert "ahoy" in run("--help", **environ).stdout
    assert run("version", **environ).stderr == ""
