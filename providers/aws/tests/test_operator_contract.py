"""Operators and sensors keep the contract."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg2
import pytest

import tradewind_aws
from tradewind.operator import BaseOperator
from tradewind.testing import OperatorContract
from tradewind_aws import (
    LocalFilesystemToS3Operator,
    RedshiftToS3Operator,
    S3CopyObjectOperator,
    S3CopyPrefixOperator,
    S3CreateBucketOperator,
    S3CreateObjectOperator,
    S3DeleteBucketOperator,
    S3DeleteBucketTaggingOperator,
    S3DeleteObjectsOperator,
    S3FileTransformOperator,
    S3GetBucketTaggingOperator,
    S3KeySensor,
    S3KeysUnchangedSensor,
    S3ListOperator,
    S3ListPrefixesOperator,
    S3PutBucketTaggingOperator,
    S3ReadObjectOperator,
    S3ToRedshiftOperator,
    S3ToSqlOperator,
    SqlToS3Operator,
)

AWS = {"aws_conn_id": "nowhere", "region_name": "eu-west-1", "verify": False}
REDSHIFT = {"redshift_conn_id": "nowhere", "aws_conn_id": "nowhere", "iam_role": "default"}


class TestS3CreateBucket(OperatorContract):
    operator = S3CreateBucketOperator
    arguments = {"bucket_name": "b", "bucket_namespace": "n", **AWS}


class TestS3DeleteBucket(OperatorContract):
    operator = S3DeleteBucketOperator
    arguments = {"bucket_name": "b", "force_delete": True, **AWS}


class TestS3GetBucketTagging(OperatorContract):
    operator = S3GetBucketTaggingOperator
    arguments = {"bucket_name": "b", **AWS}


class TestS3PutBucketTagging(OperatorContract):
    operator = S3PutBucketTaggingOperator
    arguments = {"bucket_name": "b", "key": "k", "value": "v", "tag_set": {"a": "b"}, **AWS}


class TestS3DeleteBucketTagging(OperatorContract):
    operator = S3DeleteBucketTaggingOperator
    arguments = {"bucket_name": "b", **AWS}


class TestS3CopyObject(OperatorContract):
    operator = S3CopyObjectOperator
    arguments = {
        "source_bucket_key": "a",
        "dest_bucket_key": "b",
        "source_bucket_name": "from",
        "dest_bucket_name": "to",
        **AWS,
    }


class TestS3CopyPrefix(OperatorContract):
    operator = S3CopyPrefixOperator
    arguments = {
        "source_bucket_prefix": "a",
        "dest_bucket_prefix": "b",
        "source_bucket_name": "from",
        "dest_bucket_name": "to",
        "kms_key_id": "key",
        **AWS,
    }


class TestS3CreateObject(OperatorContract):
    operator = S3CreateObjectOperator
    arguments = {"s3_bucket": "b", "s3_key": "k", "data": "text", **AWS}


class TestS3DeleteObjects(OperatorContract):
    operator = S3DeleteObjectsOperator
    arguments = {"bucket": "b", "prefix": "p", "from_datetime": "2024-01-01", "to_datetime": "2024-02-01", **AWS}


class TestS3DeleteObjectsByKeys(OperatorContract):
    operator = S3DeleteObjectsOperator
    arguments = {"bucket": "b", "keys": ["k"], **AWS}


class TestS3FileTransform(OperatorContract):
    operator = S3FileTransformOperator
    arguments = {
        "source_s3_key": "a",
        "dest_s3_key": "b",
        "transform_script": "/bin/cp",
        "script_args": ["x"],
        "source_aws_conn_id": "nowhere",
        "dest_aws_conn_id": "nowhere",
    }
    stops_its_work = True

    @pytest.fixture
    def slow_task(self, hook: Any, tmp_path: Any) -> BaseOperator:
        hook.load_string("x", "in")
        self.mark = tmp_path / "script"
        self.mark.write_text("#!/bin/sh\nsleep 300 &\nwait\n")
        self.mark.chmod(0o755)
        return S3FileTransformOperator(
            task_id="slow",
            source_s3_key="in",
            dest_s3_key="out",
            transform_script=str(self.mark),
            source_aws_conn_id="lake",
            dest_aws_conn_id="lake",
        )

    @pytest.fixture
    def count_running(self, tmp_path: Any) -> Any:
        script = str(tmp_path / "script")

        def count() -> int:
            listed = subprocess.run(["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True).stdout
            return sum(script in line for line in listed.splitlines())

        return count


class TestS3List(OperatorContract):
    operator = S3ListOperator
    arguments = {"bucket": "b", "prefix": "p", "delimiter": "/", **AWS}


class TestS3ListPrefixes(OperatorContract):
    operator = S3ListPrefixesOperator
    arguments = {"bucket": "b", "prefix": "p", "delimiter": "/", **AWS}


class TestS3ReadObject(OperatorContract):
    operator = S3ReadObjectOperator
    arguments = {"s3_bucket": "b", "s3_key": "k", **AWS}


class TestLocalFilesystemToS3(OperatorContract):
    operator = LocalFilesystemToS3Operator
    arguments = {"filename": "f", "dest_key": "k", "dest_bucket": "b", **AWS}


class TestS3Key(OperatorContract):
    operator = S3KeySensor
    arguments = {"bucket_key": ["a"], "bucket_name": "b", **AWS}


class TestS3KeysUnchanged(OperatorContract):
    operator = S3KeysUnchangedSensor
    arguments = {"bucket_name": "b", "prefix": "p", **AWS}


class _Database:
    """A server that is busy with a query of the test's own database."""

    stops_its_work = True

    @pytest.fixture
    def warehouse(self, sandbox: Any, hook: Any, monkeypatch: Any) -> Any:
        connection = sandbox("postgres")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection.get_uri())
        return connection

    @pytest.fixture
    def count_running(self, warehouse: Any) -> Any:
        sql = (
            "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(300)%' "
            "and datname = current_database() and pid <> pg_backend_pid()"
        )

        def count() -> int:
            conn = psycopg2.connect(warehouse.dsn)
            try:
                with conn.cursor() as cursor:
                    cursor.execute(sql)
                    return int(cursor.fetchone()[0])
            finally:
                conn.close()

        return count


class TestSqlToS3(_Database, OperatorContract):
    operator = SqlToS3Operator
    arguments = {
        "query": "select 1",
        "s3_bucket": "b",
        "s3_key": "k",
        "parameters": {"a": 1},
        "sql_conn_id": "nowhere",
        "aws_conn_id": "nowhere",
    }

    @pytest.fixture
    def slow_task(self, warehouse: Any) -> BaseOperator:
        return SqlToS3Operator(
            task_id="slow", query="select pg_sleep(300)", s3_bucket="sandbox", s3_key="k", sql_conn_id="warehouse",
            aws_conn_id="lake",
        )  # fmt: skip


class TestS3ToSql(_Database, OperatorContract):
    operator = S3ToSqlOperator
    arguments = {
        "s3_bucket": "b",
        "s3_key": "k",
        "schema": "s",
        "table": "t",
        "column_list": ["a"],
        "sql_conn_id": "nowhere",
        "aws_conn_id": "nowhere",
    }

    @pytest.fixture
    def slow_task(self, warehouse: Any, hook: Any) -> BaseOperator:
        """The table has a trigger that takes its time."""
        conn = psycopg2.connect(warehouse.dsn)
        try:
            with conn, conn.cursor() as cursor:
                cursor.execute(
                    "create table slow (id int); create function wait() returns trigger language plpgsql as $$ begin "
                    "execute 'select pg_sleep(300)'; return new; end $$; "
                    "create trigger wait before insert on slow for each row execute function wait()"
                )
                cursor.execute('alter table slow rename to "pg_sleep(300)"')
        finally:
            conn.close()
        hook.load_string("id\n1\n", "in.csv")
        return S3ToSqlOperator(
            task_id="slow", s3_key="in.csv", table='"pg_sleep(300)"', sql_conn_id="warehouse", aws_conn_id="lake"
        )


class TestS3ToRedshift(OperatorContract):
    operator = S3ToRedshiftOperator
    arguments = {
        "s3_bucket": "b",
        "s3_key": "k",
        "schema": "s",
        "table": "t",
        "column_list": ["a"],
        "copy_options": ["CSV"],
        "method": "UPSERT",
        "upsert_keys": ["a"],
        **REDSHIFT,
    }


class TestRedshiftToS3(OperatorContract):
    operator = RedshiftToS3Operator
    arguments = {
        "s3_bucket": "b",
        "s3_key": "k",
        "schema": "s",
        "table": "t",
        "unload_options": ["HEADER"],
        "select_query": "select 1",
        "parameters": ["x"],
        **REDSHIFT,
    }


def test_no_operator_is_left_out() -> None:
    found = [getattr(tradewind_aws, name) for name in tradewind_aws.__all__]
    operators = {one for one in found if issubclass(one, BaseOperator) and one is not tradewind_aws.AwsBaseOperator}
    checked = {one.operator for name, one in globals().items() if name.startswith("Test")}
    assert checked == operators
