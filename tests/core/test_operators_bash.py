"""BashOperator: commands, their environment, their result, their failures."""

from __future__ import annotations

import datetime
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tradewind import secrets
from tradewind.dag import DAG
from tradewind.errors import DagError, TaskSkipped, TemplateError, TradewindError, XComError
from tradewind.operators.bash import BashOperator

pytestmark = pytest.mark.usefixtures("fresh_secrets")


def bash(command: Any, **more: Any) -> BashOperator:
    with DAG("sales", schedule=None, start_date=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC), params={"n": 3}):
        return BashOperator(task_id="load", bash_command=command, **more)


def test_the_last_line_of_the_output_is_the_result(execution: Any) -> None:
    assert execution.execute(bash("echo first; echo {{ ds }} {{ params.n }} >&2")) == "2025-11-21 3"


def test_it_works_outside_of_any_dag() -> None:
    assert BashOperator(task_id="x", bash_command="echo hello").execute({}) == "hello"


def test_the_output_goes_to_the_log(execution: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    execution.execute(bash("echo one; echo 100%s"))
    assert caplog.messages[-3:] == ["one", "100%s", "The command ended with exit code 0"]


def test_an_output_processor_makes_the_result(execution: Any) -> None:
    assert execution.execute(bash("""echo '{"rows": 7}'""", output_processor=json.loads)) == {"rows": 7}


def test_a_template_file_is_run(execution: Any, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("for n in 1 2; do\n  echo {{ ds }} $n\ndone\n")
    task = bash("job.sh")
    task.dag.template_searchpath = [str(tmp_path)]
    assert execution.execute(task) == "2025-11-21 2"


def test_a_script_given_by_its_path_is_run_as_a_command(execution: Any, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("echo $1 {{ raw }}")
    assert execution.execute(bash(f"bash {tmp_path}/job.sh a")) == "a {{ raw }}"
    assert execution.execute(bash(f"bash {tmp_path}/job.sh")) == "{{ raw }}"


def test_a_missing_template_file_is_an_error(execution: Any) -> None:
    with pytest.raises(TemplateError, match=r"field bash_command of task load of DAG sales: .*'gone.sh'"):
        execution.execute(bash("gone.sh"))


# -- exit codes --------------------------------------------------------------------------------------------------------


def test_another_exit_code_fails_with_the_code_and_the_last_line(execution: Any) -> None:
    with pytest.raises(TradewindError) as caught:
        execution.execute(bash("echo no such table; exit 3"))
    assert str(caught.value) == (
        "The bash command of task 'load' ended with exit code 3; the last line of its output: 'no such table'."
    )


def test_a_secret_is_masked_in_the_error(execution: Any) -> None:
    secrets.mask_secret("hunter2-very-secret")
    with pytest.raises(TradewindError) as caught:
        execution.execute(bash("echo password hunter2-very-secret refused; exit 1"))
    assert "'password *** refused'" in str(caught.value)


@pytest.mark.parametrize(("codes", "code"), [(99, 99), (5, 5), ([5, 6], 6), ({7}, 7)])
def test_an_exit_code_may_mean_skip(codes: Any, code: int, execution: Any) -> None:
    more = {} if codes == 99 else {"skip_on_exit_code": codes}
    with pytest.raises(TaskSkipped, match=f"exit code {code}, which means: skip"):
        execution.execute(bash(f"exit {code}", **more))


@pytest.mark.parametrize("codes", [None, 5, []])
def test_99_is_a_failure_if_other_codes_mean_skip(codes: Any, execution: Any) -> None:
    with pytest.raises(TradewindError, match="ended with exit code 99") as caught:
        execution.execute(bash("exit 99", skip_on_exit_code=codes))
    assert not isinstance(caught.value, TaskSkipped)


def test_0_may_mean_skip_too(execution: Any) -> None:
    with pytest.raises(TaskSkipped):
        execution.execute(bash("true", skip_on_exit_code=0))


# -- environment and folder --------------------------------------------------------------------------------------------


def test_given_variables_replace_the_environment_or_are_added(execution: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "m")
    assert execution.execute(bash("echo $MINE-$A")) == "m-"
    assert execution.execute(bash("echo $MINE-$A", env={"A": "{{ ds }}"})) == "-2025-11-21"
    assert execution.execute(bash("echo $MINE-$A", env={"A": "{{ ds }}"}, append_env=True)) == "m-2025-11-21"


@pytest.mark.parametrize("prefix", ["TRADEWIND", "AIRFLOW"])
def test_the_command_knows_which_task_it_is(prefix: str, execution: Any) -> None:
    names = " ".join(f"${prefix}_CTX_{name}" for name in ("DAG_ID", "TASK_ID", "TRY_NUMBER", "LOGICAL_DATE"))
    assert execution.execute(bash(f"echo {names}", env={})) == "sales load 1 2025-11-21T00:00:00+00:00"


def test_environment_variables_that_are_no_text_are_refused(execution: Any) -> None:
    with pytest.raises(TradewindError, match="'A' must be text, not int: write str"):
        execution.execute(bash("true", env={"A": 1}))


def test_the_working_folder(execution: Any, tmp_path: Path) -> None:
    assert execution.execute(bash("pwd", cwd=str(tmp_path))) == str(tmp_path)
    folder = execution.execute(bash("touch x; pwd"))
    assert not Path(folder).exists()
    with pytest.raises(TradewindError, match="nope' does not exist"):
        execution.execute(bash("pwd", cwd=str(tmp_path / "nope")))


# -- odd input and output ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", "  ", "{{ none_at_all | default('') }}", None, 7])
def test_a_command_that_is_none_is_refused(command: Any, execution: Any) -> None:
    with pytest.raises(TradewindError, match="bash_command must be a command"):
        execution.execute(bash(command))


def test_an_unknown_encoding_is_refused_when_the_dag_is_made() -> None:
    with pytest.raises(DagError, match="no encoding 'utf-88'"):
        bash("true", output_encoding="utf-88")


def test_output_in_another_encoding(execution: Any) -> None:
    assert execution.execute(bash(r"printf '\xe4'", output_encoding="latin-1")) == "ä"
    assert execution.execute(bash(r"printf '\xe4'")) == "\\xe4"


def test_a_last_line_too_long_for_an_xcom_is_refused(execution: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_MAX_XCOM_BYTES", "1000")
    command = "head -c 200000 /dev/zero | tr '\\0' x"
    with pytest.raises(XComError, match="last line of the output of task 'load' is too long"):
        execution.execute(bash(command))
    assert execution.execute(bash(command + "; echo; echo ok")) == "ok"
    execution.execute(bash(command, do_xcom_push=False))


def test_on_kill_stops_the_command(execution: Any, tmp_path: Path) -> None:
    ready, stopped = tmp_path / "ready", tmp_path / "stopped"
    task = bash(f"trap 'touch {stopped}; exit 1' TERM; touch {ready}; while :; do sleep 0.01; done")
    task.on_kill()  # nothing runs yet
    failures: list[BaseException] = []

    def run() -> None:
        try:
            task.execute({})
        except TradewindError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.01)
    task.on_kill()
    thread.join(60)
    assert stopped.exists()
    assert "exit code 1" in str(failures[0])
