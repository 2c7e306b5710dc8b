"""Loading a DAG file into this process."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.errors import DagCycle, DagError
from tradewind.parser import (
    file_hash,
    import_failure,
    load_dags,
    read_source,
)


def test_load_dags_finds_all_ways_to_make_a_dag(folder: Path) -> None:
    path = folder / "many.py"
    path.write_text(
        textwrap.dedent(
            """
            from tradewind import DAG, dag

            named = DAG("named")
            with DAG("entered"):
                pass
            with DAG("hidden", auto_register=False) as kept:
                pass

            def make():
                with DAG("made_in_a_function"):
                    pass
                with DAG("never_registered", auto_register=False):
                    pass
                DAG("lost")

            make()

            @dag
            def decorated():
                pass

            decorated()
            """
        )
    )
    found = load_dags(path)
    assert set(found) == {"named", "entered", "made_in_a_function", "decorated", "hidden"}
    assert all(dag_id == dag.dag_id for dag_id, dag in found.items())


def test_a_dag_imported_from_another_dag_file_belongs_to_that_one(
    home: Path, folder: Path, good: Callable[[str], str]
) -> None:
    (folder / "origin_of_dag.py").write_text(good("origin").replace("with DAG(", "dag = DAG(").split("\n    ")[0][:-1])
    (folder / "reporting.py").write_text("from origin_of_dag import dag\n" + good("reporting"))
    assert set(load_dags(folder / "reporting.py")) == {"reporting"}
    assert set(load_dags(folder / "origin_of_dag.py")) == {"origin"}


def test_a_dag_that_comes_from_a_library_belongs_to_the_file_that_imports_it(folder: Path) -> None:
    (folder / "library_of_dags.py").write_text("from tradewind import DAG\nexported = DAG('exported')\n")
    (folder / ".tradewindignore").write_text("library_*\n")
    (folder / "uses_library.py").write_text("# a dag for tradewind\nfrom library_of_dags import exported\n")
    assert set(load_dags(folder / "uses_library.py")) == {"exported"}


def test_a_given_source_is_run_in_place_of_the_file(folder: Path, good: Callable[[str], str]) -> None:
    path = folder / "sales.py"
    path.write_text("raise RuntimeError('not this one')\n")
    source = good("older") + "\ndef of_the_older_one():\n    return 1\n"
    found = load_dags(path, source)
    assert set(found) == {"older"}
    module = next(
        module
        for name, module in sys.modules.items()
        if name.endswith("_sales") and folder.name in str(module.__file__)
    )
    assert module.__file__ == str(path)
    assert inspect.getsource(module.of_the_older_one) == "def of_the_older_one():\n    return 1\n"
    path.unlink()
    assert set(load_dags(path, source)) == {"older"}
    with pytest.raises(ZeroDivisionError) as caught:
        load_dags(path, "\n1 / 0\n")
    assert import_failure(path, caught.value).line == 2


def test_files_of_the_same_name_do_not_meet(folder: Path, good: Callable[[str], str]) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "etl.py").write_text(good(name) + f"MARK = {name!r}\n")
    assert set(load_dags(folder / "one" / "etl.py")) == {"one"}
    assert set(load_dags(folder / "two" / "etl.py")) == {"two"}
    marks = {module.MARK for name, module in sys.modules.items() if name.endswith("_etl") and hasattr(module, "MARK")}
    assert marks >= {"one", "two"}


def test_a_dag_file_is_a_module_like_any_other(folder: Path) -> None:
    path = folder / "module_like.py"
    path.write_text(
        textwrap.dedent(
            """
            from __future__ import annotations
            import dataclasses, pickle, sys

            @dataclasses.dataclass
            class Row:
                name: str = ""

            assert sys.modules[__name__].Row is Row
            assert pickle.loads(pickle.dumps(Row("a"))) == Row("a")
            assert __name__ != "__main__"
            assert __file__.endswith("module_like.py")
            """
        )
    )
    assert load_dags(path) == {}


def test_a_dag_file_named_like_a_module_of_python_does_no_harm(folder: Path, good: Callable[[str], str]) -> None:
    (folder / "colorsys.py").write_text("raise RuntimeError('the DAG file, not the module')\n")
    (folder / "shop.py").write_text("import colorsys\ncolorsys.rgb_to_hsv(0, 0, 0)\n" + good("shop"))
    sys.modules.pop("colorsys", None)
    assert set(load_dags(folder / "shop.py")) == {"shop"}


def test_what_a_file_raises_comes_through(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_text("import sys\nsys.exit(4)\n")
    with pytest.raises(SystemExit):
        load_dags(path)
    assert not any(
        name.endswith("_sales") and folder.name in str(module.__file__)
        for name, module in sys.modules.items()
        if name.startswith("tradewind_dag_")
    )
    path.write_text("from tradewind import DAG\na = DAG('same')\nb = DAG('same')\n")
    with pytest.raises(DagError, match=r"have the id 'same', made on lines 2 and 3"):
        load_dags(path)
    path.write_text(
        "from tradewind import DAG\nfrom tradewind.operators.empty import EmptyOperator\nwith DAG('round'):\n"
        "    a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\n    a >> b >> a\n"
    )
    (dag,) = load_dags(path).values()
    with pytest.raises(DagCycle):
        dag.spec()


def test_read_source_gives_text_and_hash(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_bytes(b"\xef\xbb\xbfx = '\xc3\xa4'\r\n")
    assert read_source(path) == ("x = 'ä'\n", file_hash(path.read_bytes()))
