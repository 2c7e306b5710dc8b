"""What declared types mean for a transfer."""

import pytest

from tradewind_sql.declared import type_of


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ("", "any"),
        ("BOOLEAN", "bool"),
        ("integer", "int"),
        ("int(11)", "int"),
        ("bigint(20) unsigned", "decimal(20,0)"),
        ("bigint unsigned", "decimal(20,0)"),
        ("int(10) unsigned zerofill", "int"),
        ("NUMERIC(10, 2)", "decimal(10,2)"),
        ("numeric(5)", "decimal(5,0)"),
        ("numeric", "decimal"),
        ("DECIMAL_TEXT(38,10)", "decimal(38,10)"),
        ("double precision", "float"),
        ("character varying(20)", "text"),
        ("varchar", "text"),
        ("bytea", "bytes"),
        ("varbinary(16)", "bytes"),
        ("timestamp(3) without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("timestamp(6) with time zone", "timestamptz"),
        ("datetime(6)", "timestamp"),
        ("time without time zone", "time"),
        ("time with time zone", "text"),
        ("DURATION_TEXT", "interval"),
        ("jsonb", "json"),
        ("uuid", "uuid"),
        ("integer[]", "int[]"),
        ("numeric(10,2)[]", "decimal(10,2)[]"),
        ("enum('a','b')", "text"),
        ("geometry(Point,4326)", "text"),
    ],
)
def test_a_declaration_means_a_type(declared, wanted):
    assert str(type_of(declared)) == wanted
