"""Templates: what is rendered, what is left alone, and what is said when something is missing."""

from __future__ import annotations

import contextlib
import copy
import datetime
import importlib.util
import subprocess
import sys
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import TaskSkipped, TemplateError
from tradewind.template import Renderer, Resolvable, filters, literal, macros, render, render_fields

AT = datetime.datetime(2025, 11, 21, 6, 30, tzinfo=datetime.UTC)
CONTEXT = {"ds": "2025-11-21", "logical_date": AT, "params": {"table": "sales", "days": 7}, "macros": macros}


class SomeDag:
    """What a template knows of a DAG."""

    def __init__(self, folder: Path | None = None, **more: Any) -> None:
        self.dag_id = "sales"
        self.folder = str(folder) if folder else None
        vars(self).update(more)


class SomeTask:
    """What a template knows of a task."""

    task_id = "load"
    template_ext = (".sql", ".sh")

    def __init__(self, dag: SomeDag | None = None, **more: Any) -> None:
        self.dag = dag or SomeDag()
        vars(self).update(more)


def told(template: Any, **more: Any) -> str:
    """The message of the error that rendering ends in."""
    with pytest.raises(TemplateError) as caught:
        render(template, CONTEXT, task=more.pop("task", SomeTask()), field="sql", **more)
    return str(caught.value)


# -- values ------------------------------------------------------------------------------------------------------------


def test_text_lists_dictionaries_and_sets_are_rendered_to_any_depth() -> None:
    value = {"a": ["{{ ds }}", ("{{ params.days }}", {"{{ ds }}"})], "b": frozenset({"{{ ds }}"}), "c": 1}
    assert render(value, CONTEXT) == {
        "a": ["2025-11-21", ("7", {"2025-11-21"})],
        "b": frozenset({"2025-11-21"}),
        "c": 1,
    }


@given(st.recursive(st.one_of(st.integers(), st.text("{%#} a"), st.none()), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_handed_in_is_never_changed(value: Any) -> None:
    before = copy.deepcopy(value)
    with contextlib.suppress(TemplateError):
        render(value, CONTEXT)
    assert value == before


def test_lists_come_back_as_new_ones() -> None:
    value = [1]
    assert render(value, CONTEXT) is not value


def test_subclasses_of_containers_keep_their_type() -> None:
    Pair = namedtuple("Pair", "x y")
    found = defaultdict(list, a="{{ ds }}")
    value = [Pair("{{ ds }}", 1), OrderedDict(a="{{ ds }}"), found]
    pair, ordered, default = render(value, CONTEXT)
    assert (pair, type(pair)) == (Pair("2025-11-21", 1), Pair)
    assert (ordered, type(ordered)) == (OrderedDict(a="2025-11-21"), OrderedDict)
    assert (default["a"], default["new"]) == ("2025-11-21", [])
    assert found["a"] == "{{ ds }}"


def test_other_objects_come_back_as_they_are() -> None:
    path = Path("{{ ds }}")
    assert render(path, CONTEXT) is path


def test_a_list_that_contains_itself_is_left_alone() -> None:
    circle: list[Any] = ["{{ ds }}"]
    circle.append(circle)
    assert render(circle, CONTEXT)[0] == "2025-11-21"


@dataclass(frozen=True)
class Table:
    """A small object with template fields of its own."""

    template_fields: ClassVar = ("name", "columns")
    name: str
    columns: tuple[str, ...] = ()
    other: str = "{{ ds }}"


class Endpoint(msgspec.Struct, frozen=True):
    template_fields: ClassVar = ("name",)
    name: str


def test_objects_with_template_fields_are_copied_and_rendered() -> None:
    table = Table("{{ params.table }}", ("{{ ds }}",))
    assert render([table], CONTEXT) == [Table("sales", ("2025-11-21",))]
    assert table.name == "{{ params.table }}"
    assert render(Endpoint("{{ ds }}"), CONTEXT) == Endpoint("2025-11-21")


def test_an_object_without_templates_comes_back_as_it_is() -> None:
    table = Table("sales")
    assert render(table, CONTEXT) is table


def test_operators_inside_a_field_are_left_alone() -> None:
    inner = SomeTask(sql="{{ ds }}")
    type(inner).template_fields = ("sql",)
    try:
        assert render([inner], CONTEXT) == [inner]
        assert inner.sql == "{{ ds }}"
    finally:
        del type(inner).template_fields


def test_a_literal_is_not_rendered() -> None:
    assert render([literal("{{ .Names }}"), literal("run.sh")], CONTEXT, task=SomeTask()) == ["{{ .Names }}", "run.sh"]


def test_resolvables_turn_into_their_value() -> None:
    class Answer(Resolvable):
        def resolve(self, context: Any) -> Any:
            return context["ds"]

    key = Answer()
    assert render({"a": key, key: 1}, CONTEXT) == {"a": "2025-11-21", "2025-11-21": 1}


# -- missing names -----------------------------------------------------------------------------------------------------


def test_a_missing_name_is_an_error_that_offers_the_nearest() -> None:
    assert told("{{ logical_dat }}") == (
        "field sql of task load of DAG sales: 'logical_dat' is not defined; did you mean 'logical_date'?"
    )


def test_a_missing_param_is_an_error_that_lists_those_there_are() -> None:
    assert "'tabel' is not in the dictionary; did you mean 'table'?" in told("{{ params.tabel }}")
    assert "there is: days, table." in told("{{ params.zzz }}")


def test_a_missing_attribute_names_its_owner() -> None:
    assert "datetime.datetime object has no 'yeer'; did you mean 'year'?" in told("{{ logical_date.yeer }}")


@pytest.mark.parametrize("template", ["{{ nope.x }}", "{% if nope %}x{% endif %}", "{% for x in nope %}{% endfor %}"])
def test_every_use_of_a_missing_name_is_an_error(template: str) -> None:
    assert "'nope' is not defined" in told(template)


def test_a_default_is_no_error() -> None:
    assert render("{{ nope | default('x') }}{% if nope is defined %}y{% endif %}", CONTEXT) == "x"


def test_the_line_of_a_longer_template_is_named() -> None:
    assert told("select 1\n\nfrom {{ nope }}").startswith("field sql of task load of DAG sales, line 3: ")


def test_a_syntax_error_is_told_with_its_line() -> None:
    assert "line 2: it is not a valid template" in told("x\n{% if ds %}")


def test_any_other_error_is_told_with_its_kind() -> None:
    assert "ZeroDivisionError: division by zero" in told("{{ 1 / 0 }}")


def test_the_dag_may_choose_to_be_lenient() -> None:
    dag = SomeDag(template_undefined=jinja2.Undefined)
    assert render("[{{ nope }}]", CONTEXT, dag=dag) == "[]"


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "q.sql").write_text("select '{{ ds }}'")
    (tmp_path / "run.sh").write_text("\ufeffecho {{ ds }}", encoding="utf-8")
    (tmp_path / "bad.sql").write_text("select\n{{ nope }}")
    (tmp_path / "outer.sql").write_text("{% include 'more/part.sql' %} -- {{ params.table }}")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "part.sql").write_text("part {{ ds }}")
    return tmp_path


def test_a_template_file_is_read_from_the_folder_of_the_dag(folder: Path) -> None:
    task = SomeTask(SomeDag(folder))
    assert render(["q.sql", {"x": "run.sh"}], CONTEXT, task=task) == ["select '2025-11-21'", {"x": "echo 2025-11-21"}]


def test_template_files_include_others_by_the_same_path(folder: Path) -> None:
    assert render("outer.sql", CONTEXT, task=SomeTask(SomeDag(folder))) == "part 2025-11-21 -- sales"


@pytest.mark.parametrize("searchpath", ["more", ["elsewhere", "more"]])
def test_the_search_path_starts_from_the_folder_of_the_dag(folder: Path, searchpath: Any) -> None:
    task = SomeTask(SomeDag(folder, template_searchpath=searchpath))
    assert render("part.sql", CONTEXT, task=task) == "part 2025-11-21"


def test_absolute_paths_and_paths_upwards_are_read(folder: Path) -> None:
    task = SomeTask(SomeDag(folder / "more"))
    assert render(str(folder / "q.sql"), CONTEXT, task=task) == "select '2025-11-21'"
    assert render("../q.sql", CONTEXT, task=task) == "select '2025-11-21'"


def test_the_name_of_a_template_file_may_be_a_template(folder: Path) -> None:
    context = {**CONTEXT, "name": "q"}
    assert render("{{ name }}.sql", context, task=SomeTask(SomeDag(folder))) == "select '2025-11-21'"


def test_a_value_that_only_looks_like_a_template_file_is_not_read(folder: Path) -> None:
    context = {**CONTEXT, "conf": {"name": "q.sql"}}
    assert render("{{ conf.name }}", context, task=SomeTask(SomeDag(folder))) == "q.sql"


def test_a_command_that_ends_like_a_file_is_no_file(folder: Path) -> None:
    task = SomeTask(SomeDag(folder))
    assert render("bash /opt/run.sh", CONTEXT, task=task) == "bash /opt/run.sh"
    assert render("echo {{ ds }} > x.sh", CONTEXT, task=task) == "echo 2025-11-21 > x.sh"
    assert render("run.sh ", CONTEXT, task=task) == "run.sh "


def test_a_missing_template_file_is_an_error_that_lists_the_folders(folder: Path) -> None:
    message = told("qq.sql", task=SomeTask(SomeDag(folder)))
    assert "the template file 'qq.sql', which is not there" in message
    assert str(folder) in message
    assert "literal('qq.sql')" in message


def test_an_error_in_a_template_file_names_file_and_line(folder: Path) -> None:
    message = told("bad.sql", task=SomeTask(SomeDag(folder)))
    assert message.startswith(f"field sql of task load of DAG sales, file {folder / 'bad.sql'}, line 2: 'nope'")


def test_a_missing_include_is_an_error(folder: Path) -> None:
    assert "there is no template file 'gone.sql'" in told("{% include 'gone.sql' %}", task=SomeTask(SomeDag(folder)))


def test_a_template_file_that_is_no_text_is_an_error(folder: Path) -> None:
    (folder / "binary.sql").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in told("binary.sql", task=SomeTask(SomeDag(folder)))


# -- options of the DAG ------------------------------------------------------------------------------------------------


def test_the_dag_brings_its_own_macros_and_filters() -> None:
    dag = SomeDag(user_defined_macros={"twice": lambda x: x * 2}, user_defined_filters={"shout": str.upper})
    assert render("{{ twice(ds) | shout }} {{ 'a' | shout }}", CONTEXT, dag=dag) == "2025-11-212025-11-21 A"


def test_the_context_wins_over_macros_of_the_same_name() -> None:
    assert render("{{ ds }}", CONTEXT, dag=SomeDag(user_defined_macros={"ds": "mine"})) == "2025-11-21"


def test_jinja_options_are_passed_on() -> None:
    dag = SomeDag(jinja_environment_kwargs={"variable_start_string": "<<", "variable_end_string": ">>"})
    assert render("<< ds >> {{ ds }}", CONTEXT, dag=dag) == "2025-11-21 {{ ds }}"
    lines = SomeDag(jinja_environment_kwargs={"line_statement_prefix": "%"})
    assert render("% for x in [1, 2]\n{{ x }}\n% endfor", CONTEXT, dag=lines) == "1\n2\n"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ params }}", CONTEXT["params"]),
        ("{{ params.days }}", 7),
        ("[{{ params.days }}, 2]", [7, 2]),
        ("{{ ds }}x", "2025-11-21x"),
    ],
)
def test_native_templates_give_python_values(template: str, value: Any) -> None:
    assert render(template, CONTEXT, dag=SomeDag(render_template_as_native_obj=True)) == value


def test_the_task_decides_over_the_dag_whether_templates_are_native() -> None:
    native, text = SomeDag(render_template_as_native_obj=True), SomeDag()
    assert render("{{ 1 }}", {}, task=SomeTask(native, render_template_as_native_obj=False)) == "1"
    assert render("{{ 1 }}", {}, task=SomeTask(text, render_template_as_native_obj=True)) == 1


def test_native_templates_are_strict_too() -> None:
    assert "'nope' is not defined" in told("{{ nope }}", task=SomeTask(SomeDag(render_template_as_native_obj=True)))


def test_a_macro_may_skip_the_task() -> None:
    def stop() -> None:
        raise TaskSkipped("nothing to do")

    with pytest.raises(TaskSkipped, match="nothing to do"):
        render("{{ stop() }}", {"stop": stop})


# -- fields of a task --------------------------------------------------------------------------------------------------


def test_the_fields_of_a_task_are_rendered_in_place() -> None:
    task = SomeTask(sql="{{ ds }}", other="{{ ds }}", template_fields=("sql",))
    render_fields(task, CONTEXT)
    assert (task.sql, task.other) == ("2025-11-21", "{{ ds }}")


def test_a_template_field_without_attribute_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"field sqll .*lists 'sqll' in template_fields and has no such attribute"):
        render_fields(SomeTask(template_fields=("sqll",)), CONTEXT)


def test_template_fields_must_not_be_one_text() -> None:
    with pytest.raises(TemplateError, match=r"must be a tuple: \('sql',\)"):
        render_fields(SomeTask(template_fields="sql", sql=""), CONTEXT)


# -- laziness ----------------------------------------------------------------------------------------------------------


def test_jinja_is_imported_only_for_templates() -> None:
    code = (
        "import sys\nfrom tradewind.template import render\n"
        "render({'a': ['x', 1]}, {})\nassert 'jinja2' not in sys.modules\n"
        "render('{{ 1 }}', {})\nassert 'jinja2' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_that_a_template_does_not_use_are_never_made() -> None:
    class Lazy(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            assert key in ("ds", "params"), f"{key} was asked for"
            return super().__getitem__(key)

    lazy = Lazy(CONTEXT)
    assert render("{{ ds }} {% for x in [1] %}{{ x }}{{ params.days }}{% endfor %}", lazy) == "2025-11-21 17"


# -- macros and filters ------------------------------------------------------------------------------------------------


def test_ds_macros() -> None:
    assert render("{{ macros.ds_add(ds, 10) }} {{ macros.ds_add(ds, -21) }}", CONTEXT) == "2025-12-01 2025-10-31"
    assert macros.ds_add("2025-11-21", 0) == "2025-11-21"
    assert macros.ds_format("2025-11-21", "%Y-%m-%d", "%d.%m.%y") == "21.11.25"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("macros.datetime(2025, 1, 2).day", "2"),
        ("macros.timedelta(days=1).days", "1"),
        ("macros.json.dumps([1])", "[1]"),
        ("macros.yaml.safe_load('a: 1').a", "1"),
        ("macros.uuid.UUID(int=0)", "00000000-0000-0000-0000-000000000000"),
        ("macros.dateutil.parser.parse('2025-01-02').day", "2"),
        ("logical_date + macros.dateutil.relativedelta.relativedelta(months=1)", "2025-12-21 06:30:00+00:00"),
        ("macros.time.gmtime(0).tm_year", "1970"),
        ("0 <= macros.random() < 1", "True"),
    ],
)
def test_macros(expression: str, value: str) -> None:
    assert render("{{ " + expression + " }}", CONTEXT) == value


@pytest.mark.skipif(importlib.util.find_spec("babel") is not None, reason="Babel is installed")
def test_an_optional_library_that_is_not_installed_is_named() -> None:
    assert "macros.ds_format_locale needs the package babel, which is not installed: pip install babel" in told(
        "{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'EEEE', 'de') }}"
    )


def test_a_macro_that_does_not_exist_offers_the_nearest() -> None:
    assert "did you mean 'ds_add'" in told("{{ macros.dsadd(ds, 1) }}")


@pytest.mark.parametrize(
    ("seconds", "alone", "beside"),
    [
        (0, "a few seconds ago", "a few seconds before"),
        (-1, "1 second ago", "1 second before"),
        (-90, "1 minute ago", "1 minute before"),
        (-3 * 3600, "3 hours ago", "3 hours before"),
        (-2 * 86400, "2 days ago", "2 days before"),
        (-21 * 86400, "3 weeks ago", "3 weeks before"),
        (3 * 366 * 86400, "in 3 years", "3 years after"),
    ],
)
def test_differences_for_humans(seconds: int, alone: str, beside: str) -> None:
    delta = datetime.timedelta(seconds=seconds)
    assert macros.datetime_diff_for_humans(AT + delta, AT) == beside
    slack = datetime.timedelta(seconds=0.5 if seconds > 0 else 0)
    assert macros.datetime_diff_for_humans(datetime.datetime.now(datetime.UTC) + delta + slack) == alone


def test_date_filters() -> None:
    template = "{{ logical_date | ds }} {{ logical_date | ds_nodash }} {{ logical_date | ts }} "
    template += "{{ logical_date | ts_nodash }} {{ logical_date | ts_nodash_with_tz }}"
    assert render(template, CONTEXT) == (
        "2025-11-21 20251121 2025-11-21T06:30:00+00:00 20251121T063000 20251121T063000+0000"
    )


def test_the_sign_of_an_offset_is_kept() -> None:
    west = AT.astimezone(datetime.timezone(datetime.timedelta(hours=-5)))
    assert filters.ts_nodash_with_tz(west) == "20251121T013000-0500"


@pytest.mark.parametrize("name", sorted(filters.FILTERS))
def test_filters_pass_none_on(name: str) -> None:
    assert filters.FILTERS[name](None) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("logical_date.add(days=1, hours=2)", "2025-11-22 08:30:00+00:00"),
        ("logical_date.subtract(months=9)", "2025-02-21 06:30:00+00:00"),
        ("macros.datetime(2025, 3, 31).subtract(months=1)", "2025-02-28 00:00:00"),
        ("macros.datetime(2024, 2, 29).add(years=1)", "2025-02-28 00:00:00"),
        ("logical_date.to_date_string()", "2025-11-21"),
        ("logical_date.to_datetime_string()", "2025-11-21 06:30:00"),
        ("logical_date.to_iso8601_string()", "2025-11-21T06:30:00Z"),
        ("logical_date.in_timezone('Europe/Berlin')", "2025-11-21 07:30:00+01:00"),
        ("logical_date.in_tz('Asia/Tokyo').to_time_string()", "15:30:00"),
        ("logical_date.start_of('month')", "2025-11-01 00:00:00+00:00"),
        ("logical_date.start_of('week')", "2025-11-17 00:00:00+00:00"),
        ("logical_date.start_of('quarter') | ds", "2025-10-01"),
        ("logical_date.start_of('hour')", "2025-11-21 06:00:00+00:00"),
        ("logical_date.end_of('month') | ds", "2025-11-30"),
        ("logical_date.end_of('quarter')", "2025-12-31 23:59:59.999999+00:00"),
        ("logical_date.int_timestamp", "1763706600"),
        ("logical_date.quarter", "4"),
        ("logical_date.strftime('%H')", "06"),
    ],
)
def test_dates_have_the_methods_that_airflow_users_know(expression: str, value: str) -> None:
    assert render("{{ " + expression + " }}", CONTEXT) == value


def test_the_environment_is_made_once_per_renderer() -> None:
    renderer = Renderer(CONTEXT, task=SomeTask())
    renderer.render("{{ ds }}")
    engine = renderer.engine
    renderer.render("{{ ds }}")
    assert renderer.engine is engine
