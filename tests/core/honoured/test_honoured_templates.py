"""What a template sees: every context key, macro and filter, by what comes out of a rendered field."""

import importlib.util
import json
import re

import jinja2
import pytest

from tradewind import DAG, BaseOperator, get_current_context, literal
from tradewind.errors import TemplateError
from tradewind.operators.python import PythonOperator
from tradewind.states import RunState, TaskState
from tradewind.template import filters, macros

AT = "2026-03-05T06:30:00+00:00"


class Renders(BaseOperator):
    template_fields = ("text",)

    def __init__(self, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context):
        return self.text


def run(text, task=None, **dag_arguments):
    with DAG("sales", schedule="@daily", start_date="2026-01-01", **dag_arguments) as dag:
        Renders(task_id="t", text=text, **(task or {}))
    return dag.test(AT, run_conf={"limit": 7})


def rendered(text, task=None, **dag_arguments):
    ended = run(text, task, **dag_arguments)
    assert ended.state is RunState.SUCCESS, ended.get_task_instance("t").reason
    return ended.xcom("t")


#: context key -> (template, what comes out)
KEYS = {
    "conn": ("{{ conn.shop.host }}", "shop.example"),
    "dag": ("{{ dag.dag_id }}", "sales"),
    "dag_run": ("{{ dag_run.conf.limit }} {{ dag_run.run_type.value }}", "7 manual"),
    "data_interval_start": ("{{ data_interval_start | ts }}", "2026-03-04T00:00:00+00:00"),
    "data_interval_end": ("{{ data_interval_end | ts }}", "2026-03-05T00:00:00+00:00"),
    "ds": ("{{ ds }}", "2026-03-05"),
    "ds_nodash": ("{{ ds_nodash }}", "20260305"),
    "ts": ("{{ ts }}", AT),
    "ts_nodash": ("{{ ts_nodash }}", "20260305T063000"),
    "ts_nodash_with_tz": ("{{ ts_nodash_with_tz }}", "20260305T063000+0000"),
    "logical_date": ("{{ logical_date.isoformat() }}", AT),
    "run_id": ("{{ run_id }}", f"manual__{AT}"),
    "task": ("{{ task.task_id }}", "t"),
    "task_instance": ("{{ task_instance.task_id }}", "t"),
    "ti": ("{{ ti.run_id }}", f"manual__{AT}"),
    "task_instance_key_str": ("{{ task_instance_key_str }}", "sales__t__20260305"),
    "params": ("{{ params.limit }}", "7"),
    "var": ("{{ var.value.COLOR }} {{ var.json.SIZES[1] }} {{ var.value.get('NONE', 'x') }}", "red 2 x"),
    "memos": ("{{ memos.get('none', 'x') }}", "x"),
    "macros": ("{{ macros.ds_add(ds, 1) }}", "2026-03-06"),
    "inlets": ("{{ inlets }}", "['a']"),
    "outlets": ("{{ outlets }}", "['b']"),
    "prev_data_interval_start_success": ("{{ prev_data_interval_start_success }}", "None"),
    "prev_data_interval_end_success": ("{{ prev_data_interval_end_success }}", "None"),
    "prev_start_date_success": ("{{ prev_start_date_success }}", "None"),
    "prev_end_date_success": ("{{ prev_end_date_success }}", "None"),
    "expanded_ti_count": ("{{ expanded_ti_count }}", "None"),
    "map_index_template": ("{{ map_index_template }}", "None"),
    "try_number": ("{{ try_number }}", "1"),
    "exception": ("{{ exception }}", "None"),
    "reason": ("{{ reason }}", "None"),
    "templates_dict": ("{{ templates_dict }}", "None"),
    "test_mode": ("{{ test_mode }}", "False"),
    "task_reschedule_count": ("{{ task_reschedule_count }}", "0"),
    "execution_date": ("{{ execution_date | ts }}", AT),
    "next_ds": ("{{ next_ds }}", "2026-03-05"),
    "next_ds_nodash": ("{{ next_ds_nodash }}", "20260305"),
    "prev_ds": ("{{ prev_ds }}", "2026-03-05"),
    "prev_ds_nodash": ("{{ prev_ds_nodash }}", "20260305"),
    "yesterday_ds": ("{{ yesterday_ds }}", "2026-03-04"),
    "yesterday_ds_nodash": ("{{ yesterday_ds_nodash }}", "20260304"),
    "tomorrow_ds": ("{{ tomorrow_ds }}", "2026-03-06"),
    "tomorrow_ds_nodash": ("{{ tomorrow_ds_nodash }}", "20260306"),
    "next_execution_date": ("{{ next_execution_date | ts }}", AT),
    "prev_execution_date": ("{{ prev_execution_date | ts }}", AT),
    "prev_execution_date_success": ("{{ prev_execution_date_success }}", "None"),
}

#: Keys of Airflow's context that come with what they are about, and that are an error till then.
LATER = {
    "inlet_events": "assets",
    "outlet_events": "assets",
    "triggering_asset_events": "assets",
    "asset_state_store": "assets",
    "partition_key": "assets",
    "partition_date": "assets",
    "task_state_store": "state stores",
    "conf": "the settings by Airflow's names, with the package of its import names",
}


@pytest.fixture
def surroundings(monkeypatch):
    monkeypatch.setenv("TRADEWIND_CONN_SHOP", "http://shop.example")
    monkeypatch.setenv("TRADEWIND_VAR_COLOR", "red")
    monkeypatch.setenv("TRADEWIND_VAR_SIZES", "[1, 2]")


@pytest.mark.parametrize("key", KEYS)
def test_context_key(key, surroundings):
    text, wanted = KEYS[key]
    arguments = {"inlets": ["a"], "outlets": ["b"]}
    assert rendered(text, arguments, params={"limit": 5}) == wanted


def test_every_context_key_is_in_the_table():
    with DAG("d") as dag:
        Keys(task_id="t")
    assert set(dag.test().xcom("t")) == set(KEYS)
    assert not set(KEYS) & set(LATER)


class Keys(BaseOperator):
    def execute(self, context):
        assert get_current_context() is context
        return sorted(context)


@pytest.mark.parametrize("key", LATER)
def test_a_key_that_comes_later_is_an_error_till_then(key):
    ended = run(f"{{{{ {key} }}}}").get_task_instance("t")
    assert ended.state is TaskState.FAILED
    assert f"'{key}' is not defined" in ended.reason


#: macro -> (template, pattern of what comes out)
MACROS = {
    "ds_add": ("{{ macros.ds_add(ds, -5) }}", "2026-02-28"),
    "ds_format": ("{{ macros.ds_format(ds, '%Y-%m-%d', '%d.%m.%y') }}", r"05\.03\.26"),
    "datetime_diff_for_humans": (
        "{{ macros.datetime_diff_for_humans(logical_date, data_interval_start) }}",
        "1 day after",
    ),
    "datetime": ("{{ macros.datetime(2026, 1, 2).day }}", "2"),
    "timedelta": ("{{ (logical_date - macros.timedelta(days=1)) | ds }}", "2026-03-04"),
    "dateutil": ("{{ macros.dateutil.parser.parse('5 March 2026').isoformat() }}", "2026-03-05T00:00:00"),
    "time": ("{{ macros.time.strftime('%Y', macros.time.gmtime(0)) }}", "1970"),
    "uuid": ("{{ macros.uuid.uuid4() }}", "[0-9a-f-]{36}"),
    "random": ("{{ macros.random() }}", r"0\.\d+|\d\.\d+e-\d+"),
    "json": ("{{ macros.json.dumps({'a': 1}) }}", r'\{"a": 1\}'),
    "yaml": ("{{ macros.yaml.safe_load('a: 1').a }}", "1"),
}


@pytest.mark.parametrize("macro", MACROS)
def test_macro(macro):
    text, wanted = MACROS[macro]
    assert re.fullmatch(wanted, rendered(text))


def test_ds_format_locale_formats_in_a_language_or_says_what_it_needs():
    ended = run("{{ macros.ds_format_locale(ds, '%Y-%m-%d', 'd. MMMM', 'de') }}")
    if importlib.util.find_spec("babel"):
        assert ended.xcom("t") == "5. März"
    else:
        assert "macros.ds_format_locale needs the package babel" in ended.get_task_instance("t").reason


def test_every_macro_and_filter_is_in_the_tables():
    assert {*MACROS, "ds_format_locale"} == set(dir(macros))
    assert set(FILTERS) == set(filters.FILTERS)


def test_templates_dict_is_rendered_and_reaches_the_function():
    with DAG("d") as dag:
        PythonOperator(
            task_id="t",
            python_callable=lambda templates_dict: templates_dict["day"],
            templates_dict={"day": "{{ logical_date | ds }}"},
        )
    assert dag.test(AT).xcom("t") == "2026-03-05"


#: filter -> what becomes of the logical date
FILTERS = {
    "ds": "2026-03-05",
    "ds_nodash": "20260305",
    "ts": AT,
    "ts_nodash": "20260305T063000",
    "ts_nodash_with_tz": "20260305T063000+0000",
}


@pytest.mark.parametrize("name", FILTERS)
def test_filter(name):
    assert rendered(f"{{{{ logical_date | {name} }}}}") == FILTERS[name]


def test_literal_is_left_as_it_is():
    assert rendered([literal("{{ ds }}"), "{{ ds }}"]) == ["{{ ds }}", "2026-03-05"]


# -- what the DAG says about templates --------------------------------------------------------------------------------


def test_user_defined_macros_and_filters():
    own = {"user_defined_macros": {"twice": lambda x: x * 2}, "user_defined_filters": {"loud": str.upper}}
    assert rendered("{{ twice(4) }} {{ 'a' | loud }}", **own) == "8 A"


def test_template_searchpath_is_where_files_are_looked_for(tmp_path):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "q.sql").write_text("{% include 'part.sql' %} {{ ds }}")
    (tmp_path / "part.sql").write_text("select 1")
    paths = [tmp_path / "sql", str(tmp_path)]
    assert rendered("q.sql", {"template_ext": (".sql",)}, template_searchpath=paths) == "select 1 2026-03-05"
    ended = run("none.sql", {"template_ext": (".sql",)}, template_searchpath=paths).get_task_instance("t")
    assert ended.reason.startswith(TemplateError.__name__)
    assert str(tmp_path / "sql") in ended.reason


def test_template_undefined_says_what_a_missing_name_is():
    assert run("{{ nothing_of_the_kind }}").state is RunState.FAILED
    assert rendered("<{{ nothing_of_the_kind }}>", template_undefined=jinja2.Undefined) == "<>"


def test_jinja_environment_kwargs_reach_jinja():
    assert rendered(
        "<< ds >>", jinja_environment_kwargs={"variable_start_string": "<<", "variable_end_string": ">>"}
    ) == ("2026-03-05")


def test_params_of_the_dag_have_defaults_and_yield_to_the_conf():
    assert json.loads(rendered("{{ params | tojson }}", params={"limit": 1, "other": "x"})) == {
        "limit": 7,
        "other": "x",
    }
