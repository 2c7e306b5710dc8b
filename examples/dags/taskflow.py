"""Functions as tasks: what one returns is what the next one gets.

python examples/dags/taskflow.py
"""

from __future__ import annotations

import datetime

from tradewind import dag, task


@dag(
    schedule=None,
    start_date=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC),
    params={"limit": 20.0},
    tags=["example"],
)
def taskflow():
    @task
    def measure() -> list[float]:
        """Temperatures of a week."""
        return [14.2, 15.1, 19.8, 21.4, 20.9, 17.3, 16.0]

    @task(multiple_outputs=True)
    def describe(values: list[float]) -> dict[str, float]:
        return {"mean": round(sum(values) / len(values), 1), "highest": max(values)}

    @task.short_circuit
    def is_warm(highest: float, params: dict[str, float] | None = None) -> bool:
        """Skips what follows unless it got warmer than the run's limit."""
        return params is not None and highest > params["limit"]

    @task.bash
    def announce(mean: float) -> str:
        return f"echo 'A warm week: {mean} degrees on average, on {{{{ ds }}}}'"

    described = describe(measure())
    is_warm(described["highest"]) >> announce(described["mean"])


this_dag = taskflow()

if __name__ == "__main__":
    this_dag.test()
