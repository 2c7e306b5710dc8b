"""`tradewind providers check`: the laws that providers keep and break."""

import json

import pytest

from tradewind.cli import main


def test_a_good_provider(capsys):
    assert main(["providers", "check", "sql"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "sql"
    assert len(lines) > 10
    assert all(line.startswith("  ✓ ") for line in lines)


def test_one_that_is_not_there(capsys):
    assert main(["providers", "check", "nothing"]) == 2
    assert "No provider is called 'nothing'. Installed: " in capsys.readouterr().err


@pytest.fixture
def bad(tmp_path, monkeypatch):
    """Two providers are installed: `sql`, and `bad`, which cannot be loaded."""
    from tradewind import plugins

    (tmp_path / "bad.py").write_text("1 / 0")
    info = tmp_path / "bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bad\nVersion: 1.0\nSummary: x\nRequires-Dist: tradewind\n"
    )
    (info / "entry_points.txt").write_text("[tradewind]\nbad = bad\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TRADEWIND_PLUGINS", "bad,sql")
    plugins.current.cache_clear()
    yield
    plugins.current.cache_clear()


@pytest.mark.usefixtures("bad")
def test_for_programs(capsys):
    assert main(["providers", "check", "sql", "bad", "-o", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == {"sql", "bad"}
    assert {row["kept"] for row in rows if row["name"] == "sql"} == {True}
    assert {row["kept"] for row in rows if row["name"] == "bad"} == {True, False}
    assert all(bool(row["told"]) is not row["kept"] for row in rows)


@pytest.mark.usefixtures("bad")
def test_all_that_are_installed_with_what_is_left_out(capsys):
    assert main(["providers", "check"]) == 1
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if not line.startswith(" ")] == ["sql", "bad"]
    assert "✗ It loads beside everything else that is installed: It is left out: 'bad' cannot be loaded (Zero" in out


@pytest.mark.parametrize("name", ["postgres"])
def test_on_its_sandbox(name, capsys, sandboxes):
    sandboxes.open(name)  # skips where there is no such server
    assert main(["providers", "check", name, "--sandbox"]) == 0, capsys.readouterr().out
    out = capsys.readouterr().out
    assert "✓ Nobody outside of this machine can reach it" in out
    assert "✓ `test_connection` is false on a wrong password" in out
    assert "✓ `test_connection` is false on a server that never answers" in out
