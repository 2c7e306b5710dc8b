"""Task groups: ids, nesting, defaults, and what >> means for them."""

from __future__ import annotations

import pytest

from tradewind.dag import DAG, TaskGroup
from tradewind.errors import DagError, DuplicateTask
from tradewind.operator import BaseOperator, Label, chain


class Nothing(BaseOperator):
    """Does nothing."""

    def execute(self, context):
        return None


def edges(dag):
    return {(before, task.task_id) for task in dag.spec().tasks for before in task.upstream}


def test_ids_of_members_start_with_that_of_the_group():
    with DAG("d") as dag, TaskGroup("outer") as outer:
        first = Nothing(task_id="first")
        with TaskGroup("inner") as inner:
            second = Nothing(task_id="second")
    assert (first.task_id, second.task_id) == ("outer.first", "outer.inner.second")
    assert (inner.group_id, inner.label, second.label) == ("outer.inner", "inner", "second")
    assert inner.parent_group is outer
    assert outer.parent_group is dag.task_group
    assert outer.get_child_by_label("first") is first
    assert list(outer.iter_tasks()) == [first, second]
    assert [group.group_id for group in dag.task_groups] == ["outer", "outer.inner"]


def test_the_prefix_can_be_left_out():
    with DAG("d"), TaskGroup("g", prefix_group_id=False) as group:
        task = Nothing(task_id="t")
        with TaskGroup("h") as inner:
            other = Nothing(task_id="u")
    assert task.task_id == "t"
    assert (inner.group_id, inner.label, other.task_id) == ("h", "h", "h.u")
    assert group.has_task(task)


def test_a_parent_can_be_named():
    with DAG("d"):
        outer = TaskGroup("outer")
        inner = TaskGroup("inner", parent_group=outer)
        task = Nothing(task_id="t", task_group=inner)
    assert task.task_id == "outer.inner.t"


def test_default_args_of_inner_groups_win():
    with DAG("d", default_args={"retries": 1, "owner": "dag", "queue": "q"}):
        with TaskGroup("outer", default_args={"retries": 2, "owner": "outer"}):
            with TaskGroup("inner", default_args={"retries": 3}):
                task = Nothing(task_id="t", default_args={"pool": "p"})
            explicit = Nothing(task_id="u", retries=9)
        outside = Nothing(task_id="v")
    assert (task.retries, task.owner, task.queue, task.pool) == (3, "outer", "q", "p")
    assert (explicit.retries, explicit.pool) == (9, "default_pool")
    assert (outside.retries, outside.owner) == (1, "dag")


def test_a_group_begins_with_its_roots_and_ends_with_its_leaves():
    with DAG("d") as dag:
        start, end = Nothing(task_id="start"), Nothing(task_id="end")
        with TaskGroup("g") as group:
            a, b, c = (Nothing(task_id=name) for name in "abc")
            a >> [b, c]
        start >> group >> end
    assert group.roots == [a]
    assert group.get_leaves() == [b, c]
    assert edges(dag) == {("start", "g.a"), ("g.a", "g.b"), ("g.a", "g.c"), ("g.b", "end"), ("g.c", "end")}


def test_groups_follow_groups_and_lists_of_them():
    with DAG("d") as dag:
        groups = []
        for name in ("x", "y", "z"):
            with TaskGroup(name) as group:
                Nothing(task_id="t")
            groups.append(group)
        chain(groups[0], [groups[1], groups[2]])
        [groups[1], groups[2]] >> Nothing(task_id="end")
    assert edges(dag) == {("x.t", "y.t"), ("x.t", "z.t"), ("y.t", "end"), ("z.t", "end")}


def test_tasks_that_join_a_group_later_keep_its_place():
    with DAG("d") as dag:
        group = TaskGroup("g")
        Nothing(task_id="start") >> group >> Nothing(task_id="end")
        with group:
            Nothing(task_id="late")
    assert edges(dag) == {("start", "g.late"), ("g.late", "end")}


def test_an_empty_group_does_not_break_the_order():
    with DAG("d") as dag:
        chain(Nothing(task_id="a"), TaskGroup("g"), TaskGroup("h"), Nothing(task_id="b"))
    assert edges(dag) == {("a", "b")}


def test_two_empty_groups_around_each_other_end():
    with DAG("d") as dag:
        one, two = TaskGroup("one"), TaskGroup("two")
        one >> two >> one
        Nothing(task_id="a")
    assert edges(dag) == set()


def test_labels_reach_every_edge_of_a_group():
    with DAG("d") as dag:
        start = Nothing(task_id="start")
        with TaskGroup("g") as group:
            Nothing(task_id="a")
            Nothing(task_id="b")
        start >> Label("go") >> group
    labels = {task.task_id: task.edge_labels for task in dag.spec().tasks}
    assert labels["start"] == {"g.a": "go", "g.b": "go"}


def test_a_second_group_of_the_same_id_is_refused_or_gets_a_number():
    with DAG("d"):
        TaskGroup("g")
        with pytest.raises(DuplicateTask, match="DAG 'd' has a task group 'g' already"):
            TaskGroup("g")
        found = [TaskGroup("g", add_suffix_on_collision=True).group_id for _ in range(2)]
    assert found == ["g__1", "g__2"]


def test_tasks_and_groups_share_their_ids():
    with DAG("d"):
        Nothing(task_id="x")
        with pytest.raises(DuplicateTask, match="has a task 'x' already; give the second task group another id"):
            TaskGroup("x")
        TaskGroup("y")
        with pytest.raises(DuplicateTask, match="has a task group 'y' already; give the second task another id"):
            Nothing(task_id="y")


@pytest.mark.parametrize("bad", ["a.b", "a b", "", "é!"])
def test_group_ids_are_checked(bad):
    with DAG("d"), pytest.raises(DagError, match="task group id"):
        TaskGroup(bad)


def test_a_group_belongs_to_a_dag():
    with pytest.raises(DagError, match="'g' belongs to no DAG"):
        TaskGroup("g")


def test_the_group_of_another_dag_is_not_used():
    with DAG("one"), TaskGroup("g"):
        other = DAG("two")
        task = Nothing(task_id="t", dag=other)
    assert task.task_id == "t"
    assert task.task_group is other.task_group


def test_the_spec_lists_groups_with_their_parents():
    with DAG("d") as dag, TaskGroup("outer", tooltip="all of it"), TaskGroup("inner", group_display_name="Inner!"):
        Nothing(task_id="t")
    spec = dag.spec()
    assert [(group.group_id, group.parent, group.label, group.tooltip) for group in spec.groups] == [
        ("outer", None, None, "all of it"),
        ("outer.inner", "outer", "Inner!", ""),
    ]
    assert spec.tasks[0].group == "outer.inner"


def test_what_follows_a_group_does_not_wait_for_its_teardowns():
    with DAG("d") as dag:
        with TaskGroup("g") as group:
            setup, work, teardown = (Nothing(task_id=name) for name in ("setup", "work", "teardown"))
            setup >> work >> teardown.as_teardown(setups=setup)
        group >> Nothing(task_id="after")
    assert ("g.work", "after") in edges(dag)
    assert ("g.teardown", "after") not in edges(dag)
