"""How text is split into statements: strings, comments, dollar quotes, and the blocks of triggers and routines."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind_sql.statements import SQLITE, STANDARD, Syntax, is_empty, split, verb

MYSQL = Syntax(backslash_escapes=True, hash_comments=True)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", ["select 1"]),
        ("select 1;", ["select 1;"]),
        ("select 1; select 2", ["select 1;", "select 2"]),
        (" ;; select 1 ;;; ", ["select 1;"]),
        ("", []),
        (" \n-- only a comment\n/* and another; */ ;", []),
        ("select ';' ; select \";\"", ["select ';';", 'select ";"']),
        ("select 'it''s; fine'; select 2", ["select 'it''s; fine';", "select 2"]),
        ("select `a;b`; select 2", ["select `a;b`;", "select 2"]),
        ("select 1 -- one; two\n; select 2", ["select 1;", "select 2"]),
        ("select/* ; */1; select 2", ["select 1;", "select 2"]),
        ("select '-- no comment'; select '/* nor here */'", ["select '-- no comment';", "select '/* nor here */'"]),
        ("select e'a\\'; b'; select 2", ["select e'a\\'; b';", "select 2"]),
        ("select 'C:\\'; select 2", ["select 'C:\\';", "select 2"]),
        ("select $$a; b$$; select 2", ["select $$a; b$$;", "select 2"]),
        ("do $body$ begin; $$ ; end $body$; select 2", ["do $body$ begin; $$ ; end $body$;", "select 2"]),
        ("select 1 where a = $1; select $2", ["select 1 where a = $1;", "select $2"]),
        ("select 'never closed; select 2", ["select 'never closed; select 2"]),
        ("select 1; /* never closed; select 2", ["select 1;"]),
        ("begin; insert into t values (1); commit", ["begin;", "insert into t values (1);", "commit"]),
        ("select case when a then b end; select 2", ["select case when a then b end;", "select 2"]),
        ("select /*+ index(a) */ 1 from t", ["select /*+ index(a) */ 1 from t"]),
        ("create table event (begin int); select 2", ["create table event (begin int);", "select 2"]),
        ("create table t (a text default 'begin'); select 2", ["create table t (a text default 'begin');", "select 2"]),
    ],
)
def test_text_is_split_at_the_semicolons_that_end_statements(sql: str, expected: list[str]) -> None:
    assert split(sql) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "create trigger g after insert on t begin insert into log values (new.a); delete from u; end;",
        "CREATE TEMP TRIGGER g AFTER UPDATE ON t BEGIN SELECT CASE WHEN new.a THEN 1 ELSE 2 END; SELECT 2; END;",
        "create trigger g after insert on t begin select case new.end when 1 then 2 end; end;",
        "create procedure p() begin if x then select 1; end if; loop select 2; end loop; end;",
        "create or replace function f() returns int begin atomic select 1; select 2; end;",
        "create definer=`root`@`localhost` procedure p() begin case x when 1 then select 1; end case; end;",
        "create definer=root@localhost event e on schedule every 1 day do begin select 1; end;",
        "create function f() returns int language sql as $$ select 1; select 2; $$;",
    ],
)
def test_the_body_of_a_trigger_or_routine_stays_in_one_piece(statement: str) -> None:
    assert split(f"select 0; {statement} select 3") == ["select 0;", statement, "select 3"]
    assert split(statement, strip_semicolon=True) == [statement.removesuffix(";")]


def test_what_databases_disagree_on_is_asked_of_the_syntax() -> None:
    assert split(r"select 'it\'s; ok'; select 2", MYSQL) == [r"select 'it\'s; ok';", "select 2"]
    assert split("select 1 # one; two\n; select 2", MYSQL) == ["select 1;", "select 2"]
    assert split("select a #> b; select 2", STANDARD) == ["select a #> b;", "select 2"]
    assert split("select [a;b]; select 2", SQLITE) == ["select [a;b];", "select 2"]
    assert split("select a[1]; select 2", STANDARD) == ["select a[1];", "select 2"]
    nested = Syntax(nested_comments=True)
    assert split("select /* a /* b */ ; c */ 1; select 2", nested) == ["select   1;", "select 2"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("-- a\n /* b */ ( select 1)", "SELECT"),
        ("insert into t with a as (select 1) select * from a", "INSERT"),
        ("with a as (select 1), b (x) as (values (1)) insert into t select * from a", "INSERT"),
        ("with recursive a as materialized (select ')' from (select 1)) select * from a", "SELECT"),
        ("with", "WITH"),
        ("'text'", ""),
    ],
)
def test_what_a_statement_does_is_found_behind_comments_and_tables(sql: str, expected: str) -> None:
    assert verb(sql) == expected


def test_blanks_and_comments_are_empty() -> None:
    assert is_empty(" ; -- select 1\n /* select 2 */ ;\n")
    assert not is_empty("-- select 1\n select 2")


piece = st.one_of(
    st.text("abc'\"`;-/*$ \n", max_size=12).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.text("abc'\"`;-/*$ \n", max_size=12).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.text("abc'\"`;-$ \n", max_size=12).map(lambda text: "[" + text + "]"),
    st.text("ab;'\" ", max_size=12).map(lambda text: "/*" + text + "*/"),
    st.text("ab;'\" ", max_size=12).map(lambda text: "--" + text + "\n"),
    st.sampled_from(
        ["select", "begin", "end", "case", "create", "trigger", "table", "1", "+", "(", ")", ":a", "x.end"]
    ),
)


@given(st.lists(st.lists(piece, max_size=6).map(" ".join), max_size=5))
def test_no_part_of_a_statement_is_lost_or_moved(parts: list[str]) -> None:
    def bare(sql: str) -> str:
        return "".join(split(sql.replace(";", ""), SQLITE)).replace(" ", "").replace("\n", "")

    sql = ";".join(parts)
    whole = split(sql, SQLITE)
    assert split(";".join(text.removesuffix(";") for text in whole), SQLITE, strip_semicolon=True) == [
        text.removesuffix(";").strip() for text in whole
    ]
    assert bare("".join(whole)) == bare(sql.replace("\n", "\n "))


@given(
    st.lists(st.sampled_from(["select 1", "select ';'", 'select "a;"', "insert into t values ('x''y;')"]), min_size=1)
)
def test_each_statement_is_complete_to_sqlite_itself(statements: list[str]) -> None:
    found = split(" ; ".join(statements) + ";", SQLITE)
    assert len(found) == len(statements)
    assert all(sqlite3.complete_statement(statement) for statement in found)


@given(st.text(max_size=60), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_any_text_can_be_split(sql: str, escapes: bool, hashes: bool, nested: bool, brackets: bool) -> None:
    syntax = Syntax(escapes, hashes, nested, brackets)
    statements = split(sql, syntax)
    assert is_empty(sql, syntax) == (not statements)
    assert not any(is_empty(statement, syntax) for statement in statements)
