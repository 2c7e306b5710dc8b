"""Run parameters: declared, checked against JSON schema, resolved for one run."""

from __future__ import annotations

import copy
import datetime
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import ParamError
from tradewind.params import NOTSET, Param, ParamsDict, resolve

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_plain_value_is_a_param_without_a_schema():
    params = ParamsDict({"days": 7, "city": Param("Berlin", type="string", description="where")})
    assert dict(params) == {"days": 7, "city": "Berlin"}
    assert params.schemas() == {
        "days": {"default": 7},
        "city": {"default": "Berlin", "type": "string", "description": "where"},
    }


def test_conf_overrides_defaults_and_adds_what_no_schema_knows():
    schemas = ParamsDict({"days": Param(7, type="integer", minimum=1)}).schemas()
    assert resolve(schemas, {"days": 3, "extra": [1]}, "d") == {"days": 3, "extra": [1]}
    assert resolve(schemas, None, "d") == {"days": 7}


def test_a_value_against_the_schema_names_dag_param_and_rule():
    schemas = ParamsDict({"days": Param(7, type="integer", minimum=1)}).schemas()
    with pytest.raises(ParamError, match=r"DAG 'd' cannot take 0 for the param 'days': .*bigger than or equal to 1"):
        resolve(schemas, {"days": 0}, "d")
    with pytest.raises(ParamError, match="'days' must be integer"):
        resolve(schemas, {"days": "many"}, "d")


def test_a_param_without_a_default_must_be_given():
    schemas = ParamsDict({"day": Param(type="string", format="date")}).schemas()
    assert "default" not in schemas["day"]
    with pytest.raises(ParamError, match="DAG 'd' needs a value for the param 'day'"):
        resolve(schemas, {}, "d")
    assert resolve(schemas, {"day": "2024-02-29"}, "d") == {"day": "2024-02-29"}


def test_none_is_a_value_and_not_the_lack_of_one():
    schemas = ParamsDict({"x": Param(None, type=["null", "string"])}).schemas()
    assert schemas["x"]["default"] is None
    assert resolve(schemas, {}, "d") == {"x": None}


def test_a_default_that_is_not_json_is_refused():
    with pytest.raises(ParamError, match="The param 'when' is not JSON"):
        ParamsDict({"when": datetime.date(2024, 1, 1)}).schemas()
    with pytest.raises(ParamError, match="'ratio' is not JSON"):
        ParamsDict({"ratio": float("nan")}).schemas()


def test_a_broken_schema_is_an_error_about_the_param():
    with pytest.raises(ParamError, match="JSON schema of the param 'x' of DAG 'd' is not valid"):
        Param(1, type="intteger").resolve(name="x", dag_id="d")


def test_assigning_a_value_keeps_the_declaration():
    params = ParamsDict({"days": Param(7, type="integer")})
    params["days"] = 9
    assert params.get_param("days") == Param(9, type="integer")
    params["new"] = "x"
    assert params.dump() == {"days": 9, "new": "x"}
    del params["new"]
    assert "new" not in params


def test_params_of_a_task_win_over_those_of_its_dag():
    merged = ParamsDict({"a": 1, "b": 1}).merged(ParamsDict({"b": 2}))
    assert dict(merged) == {"a": 1, "b": 2}


def test_names_of_params_are_text():
    with pytest.raises(ParamError, match="must be text, not 3"):
        ParamsDict({3: "x"})


def test_the_missing_default_is_one_object_even_when_copied():
    assert copy.deepcopy({"x": NOTSET})["x"] is NOTSET
    assert copy.copy(NOTSET) is NOTSET
    assert repr(NOTSET) == "NOTSET"


@given(st.dictionaries(st.text(min_size=1), json_values, max_size=4))
def test_any_json_default_comes_back_as_it_is(defaults):
    assert resolve(ParamsDict(defaults).schemas(), {}, "d") == defaults


@given(json_values)
def test_a_checked_value_is_returned_or_refused_and_nothing_else(value):
    schema = {"type": "array", "items": {"type": "integer"}, "maxItems": 2}
    fits = isinstance(value, list) and len(value) <= 2 and all(_is_integer(item) for item in value)
    try:
        assert resolve({"x": schema}, {"x": value}, "d") == {"x": value}
        assert fits
    except ParamError:
        assert not fits


def _is_integer(value):
    """As JSON schema has it: 1.0 is an integer, true is not."""
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def test_params_without_a_schema_do_not_load_the_schema_compiler(tmp_path):
    import subprocess

    code = (
        "import sys; from tradewind.params import ParamsDict, resolve;"
        "resolve(ParamsDict({'a': 1}).schemas(), {}, 'd'); print('fastjsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"
