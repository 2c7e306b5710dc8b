"""Sensors that wait for objects, on a real server."""

from __future__ import annotations

import pytest

from tradewind import DAG
from tradewind.errors import DagError, SensorTimeout, TaskFailed, UsageError
from tradewind.states import TaskState
from tradewind.testing.runs import run_dag, run_task
from tradewind_aws.sensors import S3KeySensor, S3KeysUnchangedSensor
from tradewind_aws.sensors.key import plain_beginning

BUCKET = "sandbox"


@pytest.fixture
def found(hook):
    """Whether a sensor's first look finds what it is made with."""

    def found(**given):
        sensor = S3KeySensor(task_id="t", aws_conn_id="lake", timeout=0, **given)
        ended = run_task(sensor, check=False)
        if ended.state is TaskState.SUCCESS:
            return True
        if isinstance(ended.error, SensorTimeout):
            return False
        raise ended.error

    return found


def put(hook, *keys):
    for key in keys:
        hook.load_string(key, key, BUCKET)


# S3KeySensor


def test_a_key(hook, found):
    assert not found(bucket_key="a.csv")
    put(hook, "a.csv", "b/c.csv")
    assert found(bucket_key="a.csv")
    assert found(bucket_key="{{ params.key }}", bucket_name=BUCKET, params={"key": "a.csv"})
    assert found(bucket_key=f"s3://{BUCKET}/b/c.csv")
    assert not found(bucket_key="a")
    assert not found(bucket_key="*.csv")


def test_all_keys_of_a_list(hook, found):
    put(hook, "a", "b")
    assert found(bucket_key=["a", f"s3://{BUCKET}/b"])
    assert not found(bucket_key=["a", "c"])


def test_nothing_to_wait_for_is_an_error(found):
    """`all` of nothing would be true."""
    for given in ([], "", ["a", ""]):
        with pytest.raises(UsageError, match="nothing to wait for"):
            found(bucket_key=given)
    with pytest.raises(UsageError, match="bucket_name is ''"):
        found(bucket_key="a", bucket_name="")


def test_wildcards(hook, found):
    put(hook, "in/a.csv", "in/B.CSV", "in/x/c.txt")
    for key, there in {
        "in/*.csv": True,
        "in/*.CSV": True,
        "in/*.txt": True,
        "in/?.txt": False,
        "in/[b-c].csv": False,
    }.items():
        assert found(bucket_key=key, wildcard_match=True) is there, key


def test_regular_expressions(hook, found):
    put(hook, "in/2024-01.csv", "in/x.csv")
    for key, there in {
        r"in/\d{4}-\d\d\.csv$": True,
        r"\d{4}": False,
        "x|in": True,
        "inx*/x": True,
        "in/y": False,
    }.items():
        assert found(bucket_key=key, use_regex=True) is there, key
    with pytest.raises(UsageError, match="no regular expression"):
        found(bucket_key="(", use_regex=True)
    with pytest.raises(DagError, match="exclude each other"):
        S3KeySensor(task_id="t", bucket_key="a", use_regex=True, wildcard_match=True)


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        ("a/b", "a/b"),
        ("a/b*", "a/"),
        ("a/b+", "a/b"),
        (r"a/\d", "a/"),
        ("a|b", ""),
        ("ab{0}", "a"),
        ("ab?", "a"),
        ("^a", ""),
    ],
)
def test_only_keys_that_can_match_are_listed(pattern, beginning):
    assert plain_beginning(pattern) == beginning


def test_objects_are_checked(hook, found):
    hook.load_string("12345", "in/a.csv")
    hook.load_string("", "in/b.csv")
    seen = []

    def check(files):
        seen.append(files)
        return all(file["Size"] > 1 for file in files)

    assert found(bucket_key="in/a.csv", check_fn=check)
    assert not found(bucket_key="in/b.csv", check_fn=check)
    assert not found(bucket_key="in/*", wildcard_match=True, check_fn=check)
    assert not found(bucket_key=r"in/.\.csv", use_regex=True, check_fn=check)  # a check counts here, too
    assert not found(bucket_key=["in/a.csv", "in/b.csv"], check_fn=check)
    a, b = {"Size": 5, "Key": "in/a.csv"}, {"Size": 0, "Key": "in/b.csv"}
    assert seen == [[a], [b], [a, b], [a, b], [a], [b]]
    assert not found(bucket_key="nowhere", check_fn=check)
    assert len(seen) == 6


def test_a_check_may_have_the_context(hook, found):
    put(hook, "a")
    assert found(bucket_key="a", check_fn=lambda files, **context: context["ti"].task_id == "t")


@pytest.mark.parametrize("given", [{"bucket_key": "a"}, {"bucket_key": "a*", "wildcard_match": True}])
def test_metadata_are_those_that_were_asked_for(hook, found, given):
    put(hook, "a")
    seen = []

    def check(files):
        seen.extend(files)
        return True

    names = ["Key", "Size", "LastModified", "ContentType", "NoSuchThing"]
    assert found(**given, check_fn=check, metadata_keys=names)
    assert list(seen[0]) == names
    assert (seen[0]["Key"], seen[0]["Size"], seen[0]["NoSuchThing"]) == ("a", 1, None)
    assert seen[0]["ContentType"] == "binary/octet-stream"
    assert found(**given, check_fn=check, metadata_keys=["*"])
    assert {"ContentLength", "ETag", "Key", "Size"} <= set(seen[1])


def test_it_waits_in_both_modes(hook):
    class Sensor(S3KeySensor):
        def look(self, context):
            there = super().look(context)
            put(hook, *([] if there else [self.bucket_key]))
            return there

    with DAG("d", schedule=None) as dag:
        Sensor(task_id="pokes", bucket_key="a", aws_conn_id="lake", poke_interval=0.01)
        Sensor(task_id="gives_back", bucket_key="b", aws_conn_id="lake", poke_interval=0.01, mode="reschedule")
        Sensor(task_id="defers", bucket_key="c", aws_conn_id="lake", poke_interval=0.01, deferrable=True)
    run_dag(dag)
    assert dag.get_task("defers").reschedule


# S3KeysUnchangedSensor


@pytest.fixture
def unchanged(hook):
    """Runs a sensor; after each of its looks the next of `steps` is done. Gives the number of looks, and the run."""

    def unchanged(*steps, mode="reschedule", **given):
        looks = []

        class Sensor(S3KeysUnchangedSensor):
            def look(self, context):
                there = super().look(context)
                looks.append(there)
                if len(looks) <= len(steps):
                    steps[len(looks) - 1]()
                return there

        with DAG("d", schedule=None) as dag:
            Sensor(
                task_id="t",
                bucket_name=BUCKET,
                prefix="in/",
                aws_conn_id="lake",
                poke_interval=0.05,
                mode=mode,
                **{"inactivity_period": 0.3, **given},
            )
        return looks, run_dag(dag, check=False)

    return unchanged


def state(run):
    return run.instances["t"].state


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_it_waits_till_nothing_more_comes(hook, unchanged, mode):
    put(hook, "in/1")
    steps = [lambda: put(hook, "in/2"), lambda: None, lambda: put(hook, "in/3"), lambda: put(hook, "elsewhere")]
    looks, run = unchanged(*steps, mode=mode)
    assert state(run) is TaskState.SUCCESS
    assert len(looks) > 4
    assert looks[-1]


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_an_object_that_goes_is_an_error_unless_that_is_allowed(hook, unchanged, mode):
    put(hook, "in/1", "in/2")
    gone = lambda: hook.delete_objects(BUCKET, "in/1")  # noqa: E731 - a step
    looks, run = unchanged(lambda: None, gone, mode=mode, allow_delete=False)
    assert state(run) is TaskState.FAILED
    assert "1 objects of s3://sandbox/in/ were deleted while it waited: in/1" in run.instances["t"].reason
    assert len(looks) == 2
    put(hook, "in/1")
    looks, run = unchanged(gone, mode=mode)
    assert state(run) is TaskState.SUCCESS
    assert len(looks) > 2


def test_one_that_goes_while_another_comes_is_seen(hook, unchanged):
    put(hook, "in/1")

    def exchange():
        hook.delete_objects(BUCKET, "in/1")
        put(hook, "in/2")

    assert state(unchanged(exchange, allow_delete=False)[1]) is TaskState.FAILED


def test_so_many_objects_must_be_there(hook, unchanged):
    steps = [*[lambda: None] * 3, lambda: put(hook, "in/1"), lambda: put(hook, "in/2")]
    looks, run = unchanged(*steps, min_objects=2, inactivity_period=0)
    assert state(run) is TaskState.SUCCESS
    assert looks == [False] * 5 + [True]


def test_what_was_there_before_the_first_look(hook, server):
    put(hook, "in/1")
    given = {"bucket_name": BUCKET, "prefix": "in/", "aws_conn_id": "lake", "inactivity_period": 0}
    task = S3KeysUnchangedSensor(task_id="t", previous_objects={"in/0", "in/1"}, allow_delete=False, **given)
    with pytest.raises(TaskFailed, match="in/0"):
        run_task(task)
    run_task(S3KeysUnchangedSensor(task_id="t", previous_objects={"in/0"}, **given))
    with pytest.raises(DagError, match="cannot be negative"):
        S3KeysUnchangedSensor(task_id="t", **{**given, "inactivity_period": -1})


def test_very_many_objects_are_remembered_within_the_limit_of_an_xcom(server):
    """A hundred thousand keys: nothing of them is said to the server."""
    from tradewind import xcom
    from tradewind.settings import read

    kept = {}

    class Instance:
        task_id, map_index = "t", -1

        def xcom_push(self, key, value):
            kept[key] = xcom.dumps(value, limit=read().max_xcom_bytes)

        def xcom_pull(self, task_ids, key, map_indexes):
            return xcom.loads(kept[key]) if key in kept else None

    class Hook:
        def iter_keys(self, bucket, prefix):
            return (
                f"{prefix}year=2024/month=05/day=17/part-{number:08d}-of-orders.csv.gz" for number in range(100_000)
            )

    def sensor():
        made = S3KeysUnchangedSensor(
            task_id="t", bucket_name=BUCKET, prefix="in/", mode="reschedule", inactivity_period=0
        )
        made.hook = Hook()
        return made

    assert sensor().look({"ti": Instance()})
    first = kept["seen"]
    assert sensor().look({"ti": Instance()})
    assert kept["seen"] == first
