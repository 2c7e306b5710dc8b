"""Who is told of a failure when the process of the attempt cannot tell anybody, and what a retry policy decides."""

import json
import os
import signal

DAG = """
    import json
    import threading
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    def note(event):
        def callback(context):
            ti = context.get("ti")
            print(f"telling of {{event}}")
            with open({notes!r}, "a") as file:
                file.write(json.dumps({{
                    "event": event,
                    "state": str(ti.state) if ti else str(context["dag_run"].state),
                    "try": ti.try_number if ti else None,
                    "pid": ti.pid if ti else None,
                    "exception": f"{{type(context['exception']).__name__}}: {{context['exception']}}",
                    "reason": context["reason"],
                }}) + "\\n")
        return callback

    def broken(context):
        raise ValueError("the callback itself is broken")

    with DAG("doomed", start_date=datetime(2026, 1, 1), schedule=None, on_failure_callback=note("run failed")) as dag:
        PythonOperator(
            task_id="waits",
            python_callable=lambda: threading.Event().wait(60),
            retries=1,
            retry_delay=0.1,
            on_retry_callback=[broken, note("retry")],
            on_failure_callback=note("failure"),
            on_success_callback=note("success"),
        )
"""


def test_a_killed_attempt_has_its_callbacks_called(deploy, tmp_path):
    here = deploy()
    notes = tmp_path / "notes"
    here.write("doomed.py", DAG.format(notes=str(notes)))
    here.start()
    run = here.trigger("doomed")
    pids = []
    for number in (1, 2):
        (task,) = here.until(
            lambda number=number: [
                task for task in here.held() if task.pid and task.pid not in pids and task.try_number == number
            ]
        )
        pids.append(task.pid)
        os.kill(task.pid, signal.SIGKILL)
    assert str(here.ended(run).state) == "failed"
    here.until(lambda: here.store.run("doomed", run.run_id).owner is None)  # it is kept till everybody is told

    told = {note["event"]: note for note in map(json.loads, notes.read_text().splitlines())}
    assert set(told) == {"retry", "failure", "run failed"}
    retry, failure = told["retry"], told["failure"]
    assert (retry["state"], retry["try"], retry["pid"]) == ("up_for_retry", 1, pids[0])
    assert (failure["state"], failure["try"], failure["pid"]) == ("failed", 2, pids[1])
    assert failure["reason"] == here.store.task(run.id, "waits").reason
    assert failure["exception"] == (
        f"TradewindError: doomed.waits of {run.run_id}, try 2 was lost: {failure['reason']}"
    )
    first, second = (here.log(run, "waits", number).read_text() for number in (1, 2))
    assert "telling of retry" in first
    assert "ValueError: the callback itself is broken" in first
    assert "telling of failure" in second
    assert "Callbacks of doomed.waits" in second


def test_they_are_called_too_when_no_scheduler_is_at_work_to_see_the_end(deploy, tmp_path):
    """Somebody asks for something, and the command that carries it out finds the attempt lost."""
    here = deploy()
    notes = tmp_path / "notes"
    here.write("doomed.py", DAG.format(notes=str(notes)))
    here.start()
    run = here.trigger("doomed")
    (task,) = here.until(lambda: [task for task in here.held() if task.pid])
    here.kill()
    os.kill(task.pid, signal.SIGKILL)
    here.cli("tasks", "clear", "doomed", "--yes")
    assert here.store.requests() == []
    (told,) = map(json.loads, notes.read_text().splitlines())
    assert (told["event"], told["try"]) == ("retry", 1)
    assert here.store.run("doomed", run.run_id).owner is None


def test_a_retry_policy_decides_in_real_attempts(deploy):
    here = deploy()
    here.write(
        "choosy.py",
        """
        from datetime import datetime
        from tradewind import DAG, ExceptionRetryPolicy, RetryAction, RetryRule
        from tradewind.operators.python import PythonOperator

        POLICY = ExceptionRetryPolicy([
            RetryRule(ConnectionError, retry_delay=0.1, reason="it comes back"),
            RetryRule("builtins.PermissionError", action=RetryAction.FAIL),
        ])

        def shaky(ti):
            if ti.try_number == 1:
                raise ConnectionResetError("gone")

        def refused():
            raise PermissionError("no")

        with DAG("choosy", start_date=datetime(2026, 1, 1), schedule=None,
                 default_args={"retries": 3, "retry_delay": 3600, "retry_policy": POLICY}) as dag:
            PythonOperator(task_id="shaky", python_callable=shaky)
            PythonOperator(task_id="refused", python_callable=refused)
        """,
    )
    here.start()
    run = here.trigger("choosy")
    here.ended(run)
    assert here.states(run) == {"shaky": "success", "refused": "failed"}
    assert [tried.reason for tried in here.store.attempts(run.id, "shaky")] == [
        "ConnectionResetError: gone (retry policy: it comes back)",
        "",
    ]
    assert len(here.store.attempts(run.id, "refused")) == 1


def test_an_attempt_killed_while_it_tells_of_its_failure_tells_again(deploy, tmp_path):
    """It had recorded that it failed, so nobody else would call its callbacks. Those of the DAG likewise."""
    here = deploy()
    notes = tmp_path / "notes"
    here.write(
        "mortal.py",
        f"""
        import os, signal
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        def dies_once(what):
            def callback(context):
                first = not os.path.exists({str(notes)!r}) or what not in open({str(notes)!r}).read()
                with open({str(notes)!r}, "a") as file:
                    file.write(what + "\\n")
                if first:
                    os.kill(os.getpid(), signal.SIGKILL)
            return callback

        with DAG("mortal", start_date=datetime(2026, 1, 1), schedule=None, on_failure_callback=dies_once("run")):
            PythonOperator(task_id="a", python_callable=lambda: 1 / 0, on_failure_callback=dies_once("task"))
        """,
    )
    here.start()
    run = here.trigger("mortal")
    assert str(here.ended(run).state) == "failed"
    here.until(lambda: here.store.run("mortal", run.run_id).owner is None)
    assert sorted(notes.read_text().split()) == ["run", "run", "task", "task"]
    assert here.store.task(run.id, "a").reason == "ZeroDivisionError: division by zero"
    assert len(here.store.attempts(run.id, "a")) == 1
