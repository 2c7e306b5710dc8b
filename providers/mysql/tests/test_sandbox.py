"""MySqlSandbox starts a real MariaDB or MySQL."""

from __future__ import annotations

from contextlib import closing

import pymysql
import pytest


def opened(connection):
    conn = pymysql.connect(
        host=connection.host,
        port=connection.port,
        user=connection.login,
        password=connection.password,
        database=connection.schema,
        local_infile=True,
    )
    return closing(conn)


def test_a_test_gets_an_empty_database_of_its_own(sandbox):
    one, two = sandbox("mysql"), sandbox("mariadb")
    assert one.schema != two.schema
    with opened(one) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT database()")
        assert cursor.fetchone() == (one.schema,)
        cursor.execute("CREATE TABLE kept (id int)")
    with opened(two) as conn, conn.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == ()


def test_the_password_is_checked(sandbox):
    connection = sandbox("mysql")
    connection.password = "wrong"
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"), opened(connection):
        pass


def test_rows_may_be_loaded_from_a_file_of_the_client(sandbox, tmp_path):
    (tmp_path / "rows.csv").write_text("1,é\n2,\U0001f600\n", encoding="utf-8")
    with opened(sandbox("mysql")) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE rows_ (id int, name text)")
        cursor.execute(
            f"LOAD DATA LOCAL INFILE '{tmp_path}/rows.csv' INTO TABLE rows_ "
            "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','"
        )
        cursor.execute("SELECT * FROM rows_ ORDER BY id")
        assert cursor.fetchall() == ((1, "é"), (2, "\U0001f600"))
