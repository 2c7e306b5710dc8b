"""Each distribution builds as a wheel, installs into a clean environment, and costs what we promise."""

import json

import pytest

#: What the promise says: tradewind's core, everything that it needs included.
MOST_DISTRIBUTIONS = 20
MOST_BYTES = 50 * 1024**2

HEAVY = {"sqlalchemy", "alembic", "jinja2", "click", "rich", "cryptography"}


@pytest.fixture(scope="module")
def core_and_sql(environment, wheels):
    return environment(wheels["tradewind-sql"])


def test_a_wheel_has_its_types_and_its_migrations(wheels):
    import zipfile

    for wheel in wheels.values():
        names = zipfile.ZipFile(wheel).namelist()
        assert any(name.endswith("py.typed") for name in names)
        assert any(name.endswith("licenses/LICENSE") for name in names)
        assert not any("/tests/" in name and "/template/" not in name for name in names)
        if wheel.name.startswith("tradewind-"):
            assert any("migrations/versions/0001" in name for name in names)
            assert "tradewind/cli/scaffold/template/dot_gitignore.tmpl" in names


def test_the_footprint_of_the_core(core):
    listed = json.loads(core.pip("list", "--format=json"))
    distributions = {found["name"].lower() for found in listed}
    assert len(distributions) <= MOST_DISTRIBUTIONS, sorted(distributions)
    files = (path for path in core.packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
    size = sum(path.stat().st_size for path in files)
    assert size <= MOST_BYTES, f"{size / 1024**2:.1f} MB"


def test_the_core_works_alone(core, tmp_path):
    home = {"TRADEWIND_HOME": str(tmp_path / "home")}
    shown = core.python("-m", "tradewind", "version", environ=home, check=True).stdout
    assert "0.1.0" in shown
    assert not (tmp_path / "home").exists(), "asking for the version wrote something"
    dag = tmp_path / "hello.py"
    dag.write_text(
        "from tradewind import dag, task\n"
        "@dag()\n"
        "def hello():\n"
        "    @task\n"
        "    def greet(): return 'hello'\n"
        "    @task.bash\n"
        "    def shout(word): return f'echo {word}!'\n"
        "    shout(greet())\n"
        "found = hello()\n"
        "if __name__ == '__main__':\n"
        "    assert found.test().xcom('shout') == 'hello!'\n"
    )
    done = core.python(dag, environ=home)
    assert done.returncode == 0, done.stderr
    done = core.python("-m", "tradewind", "run", dag, environ=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "home").exists(), "a run in one process wrote something to the home folder"


def test_a_provider_is_found_once_it_is_installed(core, core_and_sql):
    assert "sql" not in core.python("-m", "tradewind", "providers", "list", "-o", "json", check=True).stdout
    listed = json.loads(core_and_sql.python("-m", "tradewind", "providers", "list", "-o", "json", check=True).stdout)
    assert any(row["name"] == "sql" and row["version"] == "0.1.0" for row in listed), listed


def test_a_hook_in_three_lines_with_nothing_but_the_environment(core_and_sql, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from tradewind_sql import SqliteHook\n"
        "print(SqliteHook('warehouse').get_records('select 6 * 7'))\n"
        f"heavy = {HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}\n"
        "parts = {name for name in sys.modules if name.startswith('tradewind.')}\n"
        "assert not heavy, heavy\n"
        "assert not parts & {'tradewind.scheduler', 'tradewind.store', 'tradewind.parser', 'tradewind.cli'}\n"
    )
    folder = tmp_path / "empty"
    folder.mkdir()
    environ = {"AIRFLOW_CONN_WAREHOUSE": f"sqlite:///{tmp_path}/warehouse.db", "HOME": str(folder)}
    done = core_and_sql.python("-B", script, environ=environ, cwd=folder)
    assert done.stdout.strip() == "[(42,)]", done.stderr
    assert list(folder.iterdir()) == [], "a hook wrote something"


def test_the_price_of_an_import(core):
    code = "import sys, tradewind; print(len(sys.modules)); print(*sys.modules)"
    count, names = core.python("-c", code, check=True).stdout.splitlines()
    assert int(count) <= 150
    assert not HEAVY & {name.partition(".")[0] for name in names.split()}


def test_importing_tradewind_costs_at_most_four_times_pluggy(core):
    """The best of seven fresh processes each, in the same minute: a ratio, so that a slow machine does not matter."""

    def cost(module):
        totals = []
        for _ in range(7):
            lines = core.python("-X", "importtime", "-c", f"import {module}", check=True).stderr.splitlines()
            mine = [line for line in lines if line.rpartition("|")[2].strip() == module]
            totals.append(int(mine[-1].split("|")[1]))
        return min(totals)

    assert cost("tradewind") <= 4 * cost("pluggy")
