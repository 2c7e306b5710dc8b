"""Names of new providers, and what is written for them."""

import pytest

from tradewind import plugins
from tradewind.cli import main
from tradewind.cli.scaffold import module_name, write_provider
from tradewind.errors import UsageError


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("weather", "weather"),
        ("My-API", "my_api"),
        (" my api ", "my_api"),
        ("my.api--2", "my_api_2"),
        ("tradewind-weather", "weather"),
        ("tradewind_weather", "weather"),
        ("_private_", "private"),
    ],
)
def test_a_name_in_code(given, meant):
    assert module_name(given) == meant


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "letters a to z"),
        ("---", "letters a to z"),
        ("wätter", "letters a to z"),
        ("../up", "letters a to z"),
        ("a/b", "letters a to z"),
        ("a;b", "letters a to z"),
        ("2nd", "begins with a letter, as in 'api-2nd'"),
        ("class", "is a word of Python; try 'class_api'"),
        ("match", "is a word of Python"),
        ("tradewind", "tradewind itself uses that name"),
        ("core", "tradewind itself uses that name"),
        ("smtp", "the connection type 'smtp' is there already"),
        ("Email", "the connection type 'smtp' is there already"),
    ],
)
def test_a_name_that_cannot_be(given, told, tmp_path, capsys):
    with pytest.raises(UsageError) as raised:
        module_name(given)
    assert told in str(raised.value)
    assert main(["providers", "new", "--path", str(tmp_path), "--", given]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_word_of_the_template_is_filled_in(tmp_path):
    folder = write_provider("My-API", tmp_path)
    assert folder == tmp_path / "tradewind-my-api"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 15
    for path in files:
        assert "scaffold" not in f"{path.relative_to(tmp_path)} {path.read_text()}".lower(), path
        assert path.suffix != ".tmpl"
    project = (folder / "pyproject.toml").read_text()
    assert 'my_api = "tradewind_my_api.plugin"' in project
    assert 'dependencies = ["tradewind>=0.1"]' in project
    assert "class MyApiHook(BaseHook)" in (folder / "tradewind_my_api/hook.py").read_text()
    assert "TRADEWIND_CONN_MY_API_DEFAULT='my-api://" in (folder / "README.md").read_text()
    compile((folder / "tradewind_my_api/sandbox.py").read_text(), "sandbox.py", "exec")


def test_nothing_is_written_over(tmp_path, capsys):
    assert main(["providers", "new", "weather", "--path", str(tmp_path / "new")]) == 0
    assert "pip install -e '.[test]'" in capsys.readouterr().out
    file = tmp_path / "new/tradewind-weather/README.md"
    file.write_text("mine")
    assert main(["providers", "new", "Weather", "--path", str(tmp_path / "new")]) == 2
    assert "is there already; choose another name, or another --path" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["providers", "new", "weather", "--path", str(tmp_path / "file/in")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_name_of_an_installed_provider_is_taken(monkeypatch):
    assert plugins.current().connection_type("sqlite") is not None
    with pytest.raises(UsageError, match="'sqlite' is there already"):
        module_name("sqlite")
