"""The command line of an attempt says everything about it, whatever the ids look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import UsageError
from tradewind.records import TaskKey
from tradewind.runner.arguments import (
    affinity,
    callback_argv,
    callback_key,
    is_callback,
    lost_argv,
    lost_key,
    read,
    task_argv,
)

words = st.text(min_size=1).filter(lambda text: "\0" not in text)
keys = st.builds(
    TaskKey,
    dag_id=words,
    run_id=words,
    task_id=words,
    map_index=st.integers(-1, 10_000),
    try_number=st.integers(1, 99),
    dispatch=st.integers(1, 10**9),
)


@given(keys, words, words)
def test_a_command_line_read_again_names_the_same_attempt(key: TaskKey, path: str, file_hash: str) -> None:
    found = read(task_argv(key, path, file_hash))
    assert (found.kind, found.key, found.path, found.file_hash, found.log) == ("run", key, path, file_hash, None)


@given(words, words, words, words)
def test_a_callback_command_line_read_again_names_the_same_run(dag: str, run: str, path: str, file_hash: str) -> None:
    found = read([*callback_argv(dag, run, path, file_hash), "--log", path])
    assert (found.kind, found.key, found.path, found.log) == ("callback", callback_key(dag, run), path, path)


@given(keys, words, words)
def test_the_callbacks_of_a_lost_attempt_name_it_and_have_a_key_of_their_own(
    key: TaskKey, path: str, hash: str
) -> None:
    argv = lost_argv(key, path, hash)
    found = read(argv)
    assert (found.kind, found.key, found.path, found.file_hash) == ("callback", key, path, hash)
    assert affinity(argv) == affinity(task_argv(key, path, hash))
    assert lost_key(key) != key
    assert is_callback(lost_key(key))
    assert is_callback(callback_key(key.dag_id, key.run_id))
    assert not is_callback(TaskKey("d", "r", "callbacks"))


def test_affinity_is_the_file_and_its_content() -> None:
    one = task_argv(TaskKey("d", "r", "a"), "/x.py", "1")
    other = task_argv(TaskKey("d", "r", "b"), "/x.py", "1")
    changed = task_argv(TaskKey("d", "r", "b"), "/x.py", "2")
    assert affinity(one) == affinity(other) == "/x.py\0001"
    assert affinity(changed).partition("\0")[0] == affinity(one).partition("\0")[0]
    assert affinity(changed) != affinity(one)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["tradewind", "dags", "list"],
        ["tradewind", "task", "run"],
        ["tradewind", "task", "run", "--dag", "d"],
        [*task_argv(TaskKey("d", "r", "t"), "/x.py", "1"), "--unknown", "x"],
        [word if word != "7" else "seven" for word in task_argv(TaskKey("d", "r", "t", dispatch=7), "/x.py", "1")],
    ],
)
def test_a_command_line_that_says_something_else_is_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        read(argv)
