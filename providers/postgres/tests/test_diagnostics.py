"""Errors of the server say what is wrong and where, and quote no value of a row or parameter."""

from __future__ import annotations

import psycopg2
import pytest

HIDDEN = "geheim) no. 7"

INSERT = "insert into t values (%s, %s, %s)"


def shown_by(act) -> str:
    """What a log has of the error that this raises."""
    with pytest.raises(psycopg2.Error) as caught:
        act()
    return "\n".join([str(caught.value), *caught.value.__notes__])


@pytest.fixture
def table(ask):
    ask("create table t (id int primary key, s varchar(15) not null, b int check (b < 9), unique (s, b))")
    ask(INSERT, [1, HIDDEN, 1])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((1, HIDDEN, 2), 'unique constraint "t_pkey"\nDETAIL:  Key (id)=(...) already exists.'),
        ((2, HIDDEN, 1), 'unique constraint "t_s_b_key"\nDETAIL:  Key (s, b)=(...) already exists.'),
        ((2, HIDDEN, 77), 'check constraint "t_b_check"\nDETAIL:  Failing row contains (...).'),
        ((77, None, 1), 'null value in column "s" of relation "t" violates not-null constraint'),
        ((2, 2 * HIDDEN, 1), "value too long for type character varying(15)"),
        ((HIDDEN, "x", 1), "invalid input syntax for type integer: ..."),
        (("7" * 20, "x", 1), 'value ... is out of range for type integer'),
    ],
)  # fmt: skip
def test_a_row_that_is_refused(table, hook, row, told):
    for way in (lambda: hook.insert_rows("t", [row]), lambda: hook.run(INSERT, parameters=row)):
        shown = shown_by(way)
        assert told in shown
        assert "geheim" not in shown
        assert "77" not in shown


def test_a_row_of_a_copy_keeps_its_place(table, hook):
    shown = shown_by(lambda: hook.insert_rows("t", [(2, "x", 1), (HIDDEN, "y", 1)]))
    assert "CONTEXT:  COPY t, line 2, column id\n" in shown
    assert "It was row 2." in shown


def test_a_column_of_a_file_is_named(table, hook):
    shown = shown_by(lambda: hook.copy_expert("copy t from stdin", [f"2\t{HIDDEN}\n"]))
    assert 'missing data for column "b"\nCONTEXT:  COPY t, line 1\n' in shown
    assert "geheim" not in shown


@pytest.mark.parametrize(
    "sql", ["select * from nowhere where s = %s", "create role somebody pasword %s", "select %s::json"]
)
def test_a_statement_shows_what_was_written_and_no_parameter(hook, sql):
    shown = shown_by(lambda: hook.run(sql, parameters=[HIDDEN]))
    assert f"On connection 'warehouse': {sql}" in shown
    assert "geheim" not in shown


def test_a_line_of_the_statement_itself_is_shown(hook):
    shown = shown_by(lambda: hook.run("select *\n\tform t"))
    assert 'syntax error at or near "form"\nLINE 2:  form t\n         ^\n' in shown


def test_a_key_that_is_looked_at_at_the_end(hook, ask):
    ask("create table a (id int primary key)")
    ask("create table b (id int references a deferrable initially deferred)")
    for way in (lambda: hook.run("insert into b values (77)"), lambda: hook.insert_rows("b", [(77,)])):
        shown = shown_by(way)
        assert 'DETAIL:  Key (id)=(...) is not present in table "a".' in shown
        assert "On connection 'warehouse': COMMIT" in shown


def test_what_goes_wrong_while_rows_are_fetched(hook):
    sql = "select case when n < 2500 then n else ('geheim' || n)::int end from generate_series(1, 3000) n"
    shown = shown_by(lambda: list(hook.get_records_by_chunks(sql)))
    assert "invalid input syntax for type integer: ..." in shown
    assert "geheim2500" not in shown


def test_a_message_of_the_user_s_own_stays(hook):
    shown = shown_by(
        lambda: hook.run("do $$ begin raise exception 'no (more) \"stock\"' using detail = 'of 5'; end $$")
    )
    assert shown.startswith('no (more) "stock"\nDETAIL:  of 5\n')


def test_programs_still_get_all_that_the_server_said(table, hook):
    with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
        hook.insert_rows("t", [(1, "x", 1)])
    assert caught.value.diag.message_detail == "Key (id)=(1) already exists."
