"""What DAG files leave in the metadata database."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.errors import NotFound, UsageError
from tradewind.records import ImportFailure, TaskSpec, spec_hash
from tradewind.states import RunType
from tradewind.store import Store


def test_a_saved_dag_is_read_back_as_it_was(store: Store, sample: Any) -> None:
    spec = sample.spec(tags=("a", "b"), max_active_runs=3)
    assert store.save_parsed(sample.parsed(spec), sample.now) == ["sales"]
    info = store.dag("sales")
    assert (info.spec, info.path, info.version) == (spec, "/dags/sales.py", spec_hash(spec))
    assert info.active
    assert not info.paused
    assert store.dags() == [info]
    assert store.source(info.file_hash) == "first"
    assert store.version("sales", info.version).spec == spec


def test_another_process_reads_what_this_one_decoded(store: Store, sample: Any, settings: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b")), sample.now)
    with Store(settings=settings) as other:
        assert [info.spec for info in other.dags()] == [sample.spec("a"), sample.spec("b")]
        assert other.dag("b").spec == sample.spec("b")


def test_saving_the_same_again_changes_nothing(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    assert store.save_parsed(sample.parsed(sample.spec()), sample.now) == []


def test_a_change_of_the_content_alone_keeps_the_version_and_brings_the_new_content(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    before = store.dag("sales")
    assert store.save_parsed(sample.parsed(sample.spec(), source="second"), sample.now) == ["sales"]
    after = store.dag("sales")
    assert after.version == before.version
    assert store.source(after.file_hash) == "second"
    assert store.version("sales", before.version).file_hash == after.file_hash
    assert store.source(before.file_hash) == "first"


def test_each_spec_is_a_version_of_its_own(store: Store, sample: Any) -> None:
    small, large = sample.spec(tasks=1), sample.spec(tasks=3)
    store.save_parsed(sample.parsed(small), sample.now)
    store.save_parsed(sample.parsed(large, source="second"), sample.now)
    assert store.dag("sales").spec == large
    assert store.version("sales", spec_hash(small)).spec == small


def test_a_file_that_cannot_be_read_leaves_its_dags_as_they_were(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    failure = ImportFailure("/dags/sales.py", "SyntaxError: bad", "line 3", 3)
    broken = replace(sample.parsed(source="broken"), failure=failure)
    assert store.save_parsed(broken, sample.now) == []
    assert store.failures() == [failure]
    assert store.dag("sales").active
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    assert store.failures() == []


def test_a_dag_that_left_its_file_is_inactive_and_can_come_back(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b")), sample.now)
    store.set_paused("b", True)
    assert store.save_parsed(sample.parsed(sample.spec("a"), source="second"), sample.now) == ["a", "b"]
    assert [info.dag_id for info in store.dags()] == ["a"]
    assert not store.dag("b").active
    assert "b" in store.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b")), sample.now)
    assert store.dag("b").active
    assert store.dag("b").paused


def test_a_dag_id_that_another_file_has_is_refused_and_the_rest_is_taken_in(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("a"), path="/dags/one.py"), sample.now)
    two = sample.parsed(sample.spec("a", tasks=5), sample.spec("b"), path="/dags/two.py")
    assert store.save_parsed(two, sample.now) == ["b"]
    [failure] = store.failures()
    assert failure.path == "/dags/two.py"
    assert "'a'" in failure.error
    assert "/dags/one.py" in failure.error
    assert store.dag("a").path == "/dags/one.py"


@pytest.mark.parametrize("how", ["file removed", "dag left the file"])
def test_a_refused_file_is_to_be_read_again_once_the_id_is_free(store: Store, sample: Any, how: str) -> None:
    one = sample.parsed(sample.spec("a"), path="/dags/one.py")
    two = sample.parsed(sample.spec("a", tasks=5), path="/dags/two.py")
    store.save_parsed(one, sample.now)
    store.save_parsed(two, sample.now)
    assert store.files() == {"/dags/one.py": one.hash, "/dags/two.py": two.hash}
    if how == "file removed":
        assert store.remove_file("/dags/one.py") == ["a"]
    else:
        store.save_parsed(replace(one, specs=()), sample.now)
    assert store.files()["/dags/two.py"] == ""
    assert store.save_parsed(two, sample.now) == ["a"]
    assert store.failures() == []
    assert store.dag("a").path == "/dags/two.py"


def test_a_removed_file_takes_its_dags_and_failure_along_and_leaves_the_runs(store: Store, sample: Any) -> None:
    run = sample.run()
    assert store.remove_file("/dags/sales.py") == ["sales"]
    assert not store.dag("sales").active
    assert store.files() == {}
    assert store.run("sales", run.run_id).id == run.id


def test_pausing(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b", paused_on_creation=True)), sample.now)
    assert {info.dag_id: info.paused for info in store.dags()} == {"a": False, "b": True}
    store.set_paused("a", True)
    store.set_paused("b", False)
    assert {info.dag_id: info.paused for info in store.dags()} == {"a": True, "b": False}


def test_new_dags_are_paused_if_the_settings_say_so(store: Store, sample: Any, settings: Any) -> None:
    import dataclasses

    with Store(settings=dataclasses.replace(settings, dags_are_paused_at_creation=True)) as careful:
        careful.save_parsed(sample.parsed(sample.spec("a"), sample.spec("b", paused_on_creation=False)), sample.now)
        assert careful.dag("a").paused
        assert not careful.dag("b").paused


def test_an_unknown_dag_is_an_error_with_the_nearest_name(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec("daily_sales")), sample.now)
    for ask in (lambda: store.dag("daily_sale"), lambda: store.set_paused("daily_sale", True)):
        with pytest.raises(NotFound, match="did you mean 'daily_sales'"):
            ask()
    with pytest.raises(NotFound, match="tradewind dags list"):
        store.dag("zzz")


def test_the_last_interval_is_remembered(store: Store, sample: Any) -> None:
    store.save_parsed(sample.parsed(sample.spec()), sample.now)
    assert store.dag("sales").last_logical_date is None
    store.create_run(sample.new_run(type=RunType.SCHEDULED), sample.now)
    assert store.dag("sales").last_logical_date == sample.now
    assert store.dag("sales").last_interval_end == sample.later(days=1)
    store.create_run(sample.new_run(run_id="by-hand", day=7), sample.now)
    assert store.dag("sales").last_logical_date == sample.now
    store.create_run(sample.new_run(run_id="next", day=3, type=RunType.SCHEDULED), sample.now)
    assert store.dag("sales").last_interval_end == sample.later(days=4)


def test_deleting_a_dag_takes_everything_along(store: Store, sample: Any) -> None:
    run = sample.run()
    store.delete_dag("sales")
    assert store.dags(active_only=False) == []
    assert store.runs() == []
    assert store.tasks(run.id) == []
    assert store.files() == {"/dags/sales.py": ""}
    with pytest.raises(NotFound):
        store.delete_dag("sales")


def test_a_dag_with_running_tasks_is_not_deleted(store: Store, sample: Any) -> None:
    sample.queue(sample.run())
    with pytest.raises(UsageError, match="1 of its tasks"):
        store.delete_dag("sales")
    assert store.dag("sales").active


def test_a_spec_with_odd_characters_is_kept(store: Store, sample: Any) -> None:
    spec = replace(
        sample.spec("ö-日本"), tasks=(TaskSpec("täsk \U0001f680", "O'Brien\"%s"),), doc_md="'; DROP TABLE dags; --"
    )
    store.save_parsed(sample.parsed(spec), sample.now)
    assert store.dag("ö-日本").spec == spec
