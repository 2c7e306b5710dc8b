"""The demo: a shop's orders, from one CSV file per day to a checked summary in a SQLite warehouse.

Every step may be repeated: a day's rows are replaced, never added twice. `make demo` runs seven days of it under the
scheduler; `python examples/dags/orders_pipeline.py` runs one day in this process.

It needs the connection `warehouse` (for instance AIRFLOW_CONN_WAREHOUSE=sqlite:////tmp/warehouse.db) and writes its
reports into the folder that the variable `reports_folder` names.
"""

from __future__ import annotations

import csv
import datetime
import os
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tradewind import DAG, Variable, task
from tradewind_sql import SQLCheckOperator, SQLExecuteQueryOperator, SqliteHook, SQLValueCheckOperator

DATA = Path(__file__).parent.parent / "data" / "orders"


def reports_folder() -> Path:
    folder = Path(Variable.get("reports_folder", default=tempfile.gettempdir()))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_order(row: dict[str, str | None]) -> tuple[Any, ...]:
    """A row of the file as a row of the table. Raises ValueError, with the reason, if it cannot be used."""
    if None in row.values():
        raise ValueError("cells are missing")
    cells = {name: (text or "").strip() for name, text in row.items()}
    quantity, price = int(cells["quantity"]), float(cells["unit_price"] or "nan")
    if not (quantity > 0 and price > 0):
        raise ValueError(f"quantity {cells['quantity']!r} or price {cells['unit_price']!r} is not above zero")
    day = cells["ordered_at"][:10]
    return (
        int(cells["order_id"]),
        day,
        cells["customer"] or None,
        cells["country"].upper(),
        cells["product"],
        quantity,
        price,
    )


with DAG(
    "orders_pipeline",
    description="Orders of a shop: CSV files to a checked summary, day by day",
    schedule="@daily",
    start_date=datetime.datetime(2025, 3, 3, tzinfo=datetime.UTC),
    end_date=datetime.datetime(2025, 3, 9, tzinfo=datetime.UTC),
    catchup=True,
    max_active_runs=3,
    is_paused_upon_creation=False,
    default_args={"owner": "shop", "retries": 1, "retry_delay": datetime.timedelta(seconds=1)},
    tags=["example", "sql"],
) as dag:
    create_tables = SQLExecuteQueryOperator(
        task_id="create_tables", conn_id="warehouse", sql="sql/create_tables.sql", split_statements=True
    )

    @task
    def extract(ds: str | None = None) -> dict[str, Any]:
        """Read the day's file, keep the last of duplicates, and say what cannot be used and why."""
        orders: dict[int, tuple[Any, ...]] = {}
        rejected: list[tuple[int, str]] = []
        duplicates = 0
        with (DATA / f"{ds}.csv").open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                try:
                    order = read_order(row)
                except ValueError as error:
                    rejected.append((reader.line_num, str(error)))
                    continue
                duplicates += order[0] in orders
                orders[order[0]] = order
        print(f"{len(orders)} orders, {duplicates} sent twice, {len(rejected)} rejected")
        return {"orders": list(orders.values()), "rejected": rejected, "duplicates": duplicates}

    @task
    def load(extracted: dict[str, Any], ds: str | None = None) -> int:
        """Replace the day's rows in one transaction."""
        with closing(SqliteHook("warehouse").get_conn()) as connection, connection:
            connection.execute("DELETE FROM orders WHERE order_date = ?", (ds,))
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", extracted["orders"])
            connection.execute("DELETE FROM rejected_orders WHERE order_date = ?", (ds,))
            connection.executemany(
                "INSERT INTO rejected_orders VALUES (?, ?, ?)", [(ds, line, why) for line, why in extracted["rejected"]]
            )
        return len(extracted["orders"])

    loaded = load(extract())

    all_rows_are_there = SQLValueCheckOperator(
        task_id="all_rows_are_there",
        conn_id="warehouse",
        sql="SELECT COUNT(*) FROM orders WHERE order_date = '{{ ds }}'",
        pass_value="{{ ti.xcom_pull(task_ids='load') }}",
    )

    values_are_sane = SQLCheckOperator(
        task_id="values_are_sane",
        conn_id="warehouse",
        sql="""
            SELECT COUNT(*) > 100, MIN(quantity) > 0, MIN(unit_price) > 0, MAX(LENGTH(country)) = 2
            FROM orders WHERE order_date = '{{ ds }}'
        """,
    )

    summarise = SQLExecuteQueryOperator(
        task_id="summarise", conn_id="warehouse", sql="sql/summarise.sql", split_statements=True
    )

    @task
    def publish(ti: Any = None) -> None:
        """Fails on its first try, to show a retry."""
        if ti.try_number == 1:
            raise RuntimeError("the shop's server does not answer yet; this failure is part of the example")
        print("published on the second try")

    @task
    def report(ds: str | None = None) -> str:
        """Write the day's summary as a Markdown table."""
        rows = SqliteHook("warehouse").get_records(
            "SELECT country, orders, items, revenue FROM daily_summary WHERE order_date = ? ORDER BY revenue DESC",
            parameters=(ds,),
        )
        lines = [f"# Orders of {ds}", "", "| country | orders | items | revenue |", "|---|---:|---:|---:|"]
        lines += [f"| {country} | {orders} | {items} | {revenue:.2f} |" for country, orders, items, revenue in rows]
        path = reports_folder() / f"orders-{ds}.md"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print("\n".join(lines))
        return str(path)

    create_tables >> loaded >> [all_rows_are_there, values_are_sane] >> summarise >> publish() >> report()


if __name__ == "__main__":
    os.environ.setdefault("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{tempfile.gettempdir()}/tradewind-example.db")
    run = dag.test(logical_date=datetime.datetime(2025, 3, 3, tzinfo=datetime.UTC))
    raise SystemExit(0 if run.state == "success" else 1)
