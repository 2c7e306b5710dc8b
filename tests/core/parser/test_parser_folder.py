"""The DAG folder: which files are read, and when they are read again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.errors import SettingError
from tradewind.parser import (
    DagFolder,
    parse_file,
)
from tradewind.records import ParsedFile
from tradewind.zygote import Zygote


def dag_file(path: Path, text: str = "# a dag for tradewind\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def names(folder: Path) -> list[str]:
    return [os.path.relpath(path, folder) for path in DagFolder(folder).files()]


def test_files_that_may_make_dags_are_listed(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "sub/c.py", "sub/deep/d.py"):
        dag_file(tmp_path / name)
    dag_file(tmp_path / "airflow.py", "from AirFlow import DAG")
    dag_file(tmp_path / "helper.py", "def tradewind_helper(): pass")
    dag_file(tmp_path / "other.py", "dag = 1")
    dag_file(tmp_path / "notes.txt")
    dag_file(tmp_path / ".hidden.py")
    dag_file(tmp_path / ".git" / "e.py")
    dag_file(tmp_path / "__pycache__" / "f.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    assert names(tmp_path) == ["a.py", "airflow.py", "b.py", "sub/c.py", "sub/deep/d.py"]


def test_links_are_followed_and_circles_of_them_end(tmp_path: Path) -> None:
    dag_file(tmp_path / "real" / "a.py")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "linked").symlink_to(tmp_path / "real")
    (dags / "file.py").symlink_to(tmp_path / "real" / "a.py")
    (tmp_path / "real" / "up").symlink_to(dags)
    (tmp_path / "real" / "self").symlink_to(tmp_path / "real")
    assert names(dags) == ["file.py", "linked/a.py"]


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    folder = DagFolder(tmp_path / "none")
    assert folder.files() == []
    assert folder.scan({}) == ({}, [])
    assert folder.scan({str(tmp_path / "none" / "a.py"): (1, 0)}) == ({}, [str(tmp_path / "none" / "a.py")])


#: Lines of an ignore file at the top, and which of the files below are left.
FILES = ["a.py", "b.py", "a.b.py", "lib/a.py", "lib/x/b.py", "x/lib/c.py", "x/y/z/a.py", "[odd].py", "sp ace.py"]
GLOBS = [
    ("", FILES),
    ("# a.py\n\n", FILES),
    ("a.py", ["b.py", "a.b.py", "lib/x/b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("/a.py", [name for name in FILES if name != "a.py"]),
    ("lib/", [name for name in FILES if "lib" not in name]),
    ("lib", [name for name in FILES if "lib" not in name]),
    ("/lib", [name for name in FILES if not name.startswith("lib")]),
    ("a.py/", FILES),
    ("lib/*.py", [name for name in FILES if name != "lib/a.py"]),
    ("lib/**", [name for name in FILES if not name.startswith("lib")]),
    ("**/lib/*.py", [name for name in FILES if name not in ("lib/a.py", "x/lib/c.py")]),
    ("x/**/a.py", [name for name in FILES if name != "x/y/z/a.py"]),
    ("*.py\n!b.py", ["b.py", "lib/x/b.py"]),
    ("lib\n!lib/a.py", [name for name in FILES if "lib" not in name]),
    ("!a.py\na.py", ["b.py", "a.b.py", "lib/x/b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("?.py", ["a.b.py", "[odd].py", "sp ace.py"]),
    ("[ab].py", ["a.b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("[!ab].py", [name for name in FILES if not name.endswith("c.py")]),
    ("\\[odd].py", [name for name in FILES if "odd" not in name]),
    ("[odd.py", FILES),
    ("a.*", [name for name in FILES if "/a." not in f"/{name}"]),
    ("sp ace.py   ", [name for name in FILES if "sp" not in name]),
    ("*", []),
    ("/", FILES),
    ("[z-a]x", FILES),
    ("x[!a]y", FILES),
    ("lib//", FILES),
]


@pytest.mark.parametrize("ignore_file", [".tradewindignore", ".airflowignore"])
@pytest.mark.parametrize(("lines", "left"), GLOBS)
def test_ignore_files_are_read_as_git_does(tmp_path: Path, lines: str, left: list[str], ignore_file: str) -> None:
    for name in FILES:
        dag_file(tmp_path / name)
    (tmp_path / ignore_file).write_text(lines)
    assert (
        sorted(names(tmp_path))
        == sorted(left)
        == sorted(name for name in FILES if DagFolder(tmp_path).holds(tmp_path / name))
    )


def test_an_ignore_file_speaks_of_its_own_folder(tmp_path: Path) -> None:
    for name in ("a.py", "sub/a.py", "sub/b.py", "sub/deep/a.py", "other/b.py"):
        dag_file(tmp_path / name)
    (tmp_path / ".airflowignore").write_text("b.py\n")
    (tmp_path / "sub" / ".tradewindignore").write_text("/a.py\n!b.py\n")
    assert names(tmp_path) == ["a.py", "sub/b.py", "sub/deep/a.py"]


def test_airflows_regular_expressions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("project_a/dag_1.py", "tenant_1.py", "project_a/dag_2.py", "TESTING_project_a.py", "sub/tenant_2.py"):
        dag_file(tmp_path / name)
    (tmp_path / ".airflowignore").write_text("project_a/dag_1  # not this one\n\n(broken\nTESTING.*\n")
    (tmp_path / "sub" / ".airflowignore").write_text("sub/tenant_[\\d]\n")
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "regexp")
    assert names(tmp_path) == ["project_a/dag_2.py", "tenant_1.py"]
    monkeypatch.setenv("TRADEWIND_DAG_IGNORE_FILE_SYNTAX", "glub")
    with pytest.raises(SettingError, match="'glub': it is glob or regexp"):
        DagFolder(tmp_path).files()


class Watched:
    """A folder together with what its reader remembers."""

    def __init__(self, folder: Path, zygote: Zygote | None = None) -> None:
        self.folder = DagFolder(folder)
        self.seen: dict[str, tuple[int, int]] = {}
        self.zygote = zygote
        self.parsed: dict[str, ParsedFile] = {}

    def look(self) -> tuple[list[str], list[str]]:
        """Names of changed and removed files; changed ones are parsed if there is a zygote."""
        changed, removed = self.folder.scan(self.seen)
        for path in changed if self.zygote else ():
            parsed = parse_file(path, timeout=30, memory_mb=512, zygote=self.zygote)
            self.parsed[Path(path).name] = parsed
            self.folder.learn(parsed)
        self.seen.update(changed)
        for path in removed:
            del self.seen[path]
        return [Path(path).name for path in changed], [Path(path).name for path in removed]


def test_a_look_tells_what_came_changed_and_went(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    a = Path(dag_file(tmp_path / "a.py"))
    dag_file(tmp_path / "b.py")
    assert watched.look() == (["a.py", "b.py"], [])
    assert watched.look() == ([], [])
    a.write_text("# another dag for tradewind\n")
    assert watched.look() == (["a.py"], [])
    a.unlink()
    assert watched.look() == ([], ["a.py"])
    assert watched.look() == ([], [])
    dag_file(tmp_path / "a.py")
    (tmp_path / "b.py").write_text("# makes none any more")
    assert watched.look() == (["a.py"], ["b.py"])
    (tmp_path / ".tradewindignore").write_text("a.py")
    assert watched.look() == ([], ["a.py"])


def test_a_new_time_on_the_disk_alone_is_no_change(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py"))
    watched.look()
    os.utime(path, (1, 1))
    assert watched.look() == ([], [])
    path.write_text(path.read_text())
    assert watched.look() == ([], [])


def test_a_change_is_seen_even_if_size_and_time_stay(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py", "# dag tradewind 1"))
    os.utime(path, (1_000_000, 1_000_000))
    watched.look()
    path.write_text("# dag tradewind 2")
    os.utime(path, (1_000_000, 1_000_000))
    assert watched.look() == (["a.py"], [])


def test_unchanged_files_are_not_opened(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py"))
    watched.look()
    # As if the file had been written long before it was read.
    for known in watched.folder._known.values():
        known.read_at += 10_000_000_000
    opened: list[object] = []
    watching = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(arguments[0])

    sys.addaudithook(note)
    assert watched.look() == ([], [])
    watching = False
    assert str(path) not in [str(name) for name in opened]


def test_files_of_a_folder_that_cannot_be_listed_do_not_count_as_gone(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dags = tmp_path / "dags"
    for name in ("a.py", "closed/b.py"):
        dag_file(dags / name)
    watched = Watched(dags)
    watched.look()
    (dags / "a.py").unlink()
    (dags / "closed").chmod(0)
    request.addfinalizer(lambda: (dags / "closed").chmod(0o755))
    if os.geteuid() == 0:
        for parent in (tmp_path, *tmp_path.parents):
            mode = parent.stat().st_mode
            if mode & 0o055 != 0o055:
                parent.chmod(mode | 0o055)
                request.addfinalizer(lambda parent=parent, mode=mode: parent.chmod(mode))
        os.seteuid(65534)
        request.addfinalizer(lambda: os.seteuid(0))
    assert watched.look() == ([], ["a.py"])


def test_a_file_is_read_again_when_a_module_that_it_imports_changes(
    folder: Path, zygote: Zygote, good: Callable[[str], str], until: Callable[..., bool]
) -> None:
    helper = folder / "watched_helper.py"
    helper.write_text("name = 'one'\n")
    (folder / "sales.py").write_text("from watched_helper import name\n" + good("x").replace('"x"', "name"))
    (folder / "other.py").write_text(good("other"))
    watched = Watched(folder, zygote)
    assert watched.look() == (["other.py", "sales.py"], [])
    assert until(lambda: watched.look() == ([], []))
    helper.write_text("name = 'two'\n")
    assert watched.look() == (["sales.py"], [])
    assert [spec.dag_id for spec in watched.parsed["sales.py"].specs] == ["two"]
    helper.write_text("1 / 0\n")
    watched.look()
    assert watched.parsed["sales.py"].failure is not None
    helper.unlink()
    watched.look()
    failure = watched.parsed["sales.py"].failure
    assert failure is not None
    assert failure.error == "ModuleNotFoundError: No module named 'watched_helper'"
    helper.write_text("name = 'back'\n")
    assert watched.look()[0] == ["sales.py"]
    assert [spec.dag_id for spec in watched.parsed["sales.py"].specs] == ["back"]
    assert until(lambda: watched.look() == ([], []))


def test_a_file_is_read_again_when_a_table_that_it_reads_changes(
    folder: Path, zygote: Zygote, until: Callable[..., bool]
) -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "one.txt").write_text("shop")
    (folder / "factory.py").write_text(
        "import pathlib\nfrom tradewind import DAG\n"
        "for file in (pathlib.Path(__file__).parent / 'tables').iterdir():\n"
        "    with DAG(file.read_text()):\n        pass\n"
    )
    watched = Watched(folder, zygote)
    watched.look()
    assert until(lambda: watched.look() == ([], []))
    (folder / "tables" / "one.txt").write_text("market")
    assert watched.look() == (["factory.py"], [])
    (folder / "tables" / "two.txt").write_text("stall")
    assert until(lambda: watched.look() == (["factory.py"], []), 1)
    assert sorted(spec.dag_id for spec in watched.parsed["factory.py"].specs) == ["market", "stall"]


def test_reading_a_file_writes_nothing_beside_it(folder: Path, zygote: Zygote, good: Callable[[str], str]) -> None:
    (folder / "quiet_helper.py").write_text("x = 1\n")
    (folder / "sales.py").write_text("import quiet_helper\n" + good("sales"))
    watched = Watched(folder, zygote)
    watched.look()
    assert sorted(path.name for path in folder.iterdir()) == ["quiet_helper.py", "sales.py"]


def test_a_thousand_files_are_looked_at_quickly(tmp_path: Path) -> None:
    """Prints how long; `-s` shows."""
    for number in range(1000):
        dag_file(tmp_path / f"s{number % 10}" / f"f{number}.py")
    watched = Watched(tmp_path)
    watched.look()
    for known in watched.folder._known.values():
        known.read_at += 10_000_000_000
    began = time.perf_counter()
    assert watched.look() == ([], [])
    print(f"\na look at 1000 unchanged files: {(time.perf_counter() - began) * 1000:.1f} ms")
