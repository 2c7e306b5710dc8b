"""PostgresSandbox starts a real PostgreSQL."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest


def test_a_test_gets_an_empty_database_of_its_own(sandbox):
    one, two = sandbox("postgres"), sandbox("postgresql")
    assert one.schema != two.schema
    with closing(psycopg2.connect(one.dsn)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == (one.schema,)
        cursor.execute("CREATE TABLE kept (id int)")
        conn.commit()
    with closing(psycopg2.connect(two.dsn)) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


def test_the_password_is_checked(sandbox):
    connection = sandbox("postgres")
    connection.password = "wrong"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(connection.dsn)
