"""Large values: put away, fetched, replaced, forgotten, missing, damaged, out of reach."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tradewind import settings, xcom
from tradewind.context import MemoryTaskApi
from tradewind.errors import StoreError, XComError
from tradewind.records import TaskKey
from tradewind.remote import open_xcom_store, unwanted, values
from tradewind.remote.unwanted import Unwanted
from tradewind.runner.courier import ValueCourier
from tradewind.runner.stored_xcoms import StoredXComs

KEY = TaskKey("sales", "manual__1", "load", -1, 1, 3)
RUN = 7
LARGE = list(range(1000))


@pytest.fixture
def folder(home, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_URL", f"file://{tmp_path}/values")
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_THRESHOLD", "100")
    return tmp_path / "values"


@pytest.fixture
def api(folder):
    return StoredXComs(MemoryTaskApi(), RUN, settings.read().xcom_store_threshold)


def kept(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def put(api, value, key=KEY, name="return_value"):
    api.xcom_put(key, name, xcom.dumps(value))
    return api.xcom_get(key.dag_id, key.run_id, key.task_id, name, key.map_index)


def test_a_large_value_is_a_small_reference(api, folder):
    text = put(api, LARGE)
    assert len(text) < 400
    assert values.is_reference(text)
    (name,) = kept(folder)
    assert name.startswith("sales/manual__1/7/load/3-return_value-")
    assert json.loads((folder / name).read_text()) == LARGE
    assert xcom.loads(text) == LARGE


def test_the_threshold_counts_bytes_and_what_is_smaller_stays(api, folder):
    assert put(api, "x" * 98) == json.dumps("x" * 98)
    assert kept(folder) == []
    assert values.is_reference(put(api, "é" * 50))


def test_a_reference_holds_no_url_and_no_options(api, folder, monkeypatch, tmp_path):
    assert str(tmp_path) not in put(api, LARGE)


def test_a_value_that_looks_like_a_reference_is_a_value(api, folder):
    forged = json.loads(put(api, LARGE))
    text = put(api, forged, name="other")
    assert not values.is_reference(xcom.dumps(forged))
    assert xcom.loads(text) == forged


@pytest.mark.parametrize(("compression", "ending"), [("gzip", ".gz"), ("bz2", ".bz2"), ("xz", ".xz")])
def test_values_may_be_compressed(api, folder, monkeypatch, compression, ending):
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_COMPRESSION", compression)
    text = put(api, LARGE)
    (name,) = kept(folder)
    assert name.endswith(".json" + ending)
    assert (folder / name).stat().st_size < len(json.dumps(LARGE)) / 1.5
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_COMPRESSION", "")  # each value knows how it was compressed
    assert xcom.loads(text) == LARGE


def test_an_unknown_compression(api, folder, monkeypatch):
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_COMPRESSION", "zip")
    with pytest.raises(XComError, match=r"xcom_store_compression is 'zip'; there are: gzip, bz2, xz"):
        put(api, LARGE)


def test_keys_are_kept_apart_whatever_they_are(api, folder):
    names = ["a/b", "a b", "..", "ü" * 300, "ü" * 299 + "v", "A/B"]
    texts = {name: put(api, [name] * 100, name=name) for name in names}
    assert {name: xcom.loads(text)[0] for name, text in texts.items()} == {name: name for name in names}
    assert len(kept(folder)) == len(names)


def test_a_mapped_task_has_a_value_for_each_index(api, folder):
    keys = [TaskKey("sales", "manual__1", "load", index, 1, 3) for index in range(3)]
    texts = [put(api, [index] * 100, key) for index, key in enumerate(keys)]
    assert [xcom.loads(text)[0] for text in texts] == [0, 1, 2]


def test_the_same_attempt_replaces_its_value(api, folder):
    put(api, LARGE)
    assert xcom.loads(put(api, LARGE[::-1])) == LARGE[::-1]
    assert len(kept(folder)) == 1


def test_a_later_attempt_forgets_what_the_earlier_one_kept(api, folder):
    put(api, LARGE)
    put(api, "small", name="small")
    later = TaskKey("sales", "manual__1", "load", -1, 2, 4)
    assert len(api.xcom_clear(later)) == 2
    assert kept(folder) == []


def test_an_attempt_that_was_given_up_leaves_nothing(folder):
    class Given(MemoryTaskApi):
        def xcom_put(self, key, xcom_key, json_text):
            raise StoreError("not the current attempt any more")

    with pytest.raises(StoreError, match="not the current attempt"):
        put(StoredXComs(Given(), RUN, 100), LARGE)
    assert kept(folder) == []


def test_a_value_that_is_gone_is_named(api, folder):
    text = put(api, LARGE)
    (folder / kept(folder)[0]).unlink()
    with pytest.raises(XComError) as raised:
        xcom.loads(text)
    told = str(raised.value)
    for word in ("'return_value'", "sales.load of manual__1, try 1", f"file://{folder}", "Clear the task"):
        assert word in told


@pytest.mark.parametrize("compression", ["", "gzip", "bz2", "xz"])
@pytest.mark.parametrize("damage", [lambda data: data[:-10], lambda data: b"", lambda data: b"x" + data[1:]])
def test_a_value_that_is_damaged_is_named(api, folder, monkeypatch, compression, damage):
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_COMPRESSION", compression)
    text = put(api, LARGE)
    path = folder / kept(folder)[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(XComError, match=r"'return_value' of sales.load of manual__1, try 1 is damaged"):
        xcom.loads(text)


def test_a_store_that_is_out_of_reach_is_named(api, folder):
    text = put(api, LARGE)
    folder.rename(folder.with_name("away"))
    folder.touch()
    with pytest.raises(XComError, match=r"'return_value' of sales.load .* cannot be read: The XCom store file://"):
        xcom.loads(text)
    with pytest.raises(XComError, match=r"'return_value' of sales.load .* cannot be kept: The XCom store file://"):
        put(api, LARGE)


def test_a_store_that_is_not_set_any_more_is_named(api, folder, monkeypatch):
    text = put(api, LARGE)
    monkeypatch.delenv("TRADEWIND_XCOM_STORE_URL")
    with pytest.raises(XComError, match="the setting xcom_store_url is empty"):
        xcom.loads(text)


def test_a_store_that_cannot_be_opened_is_named(api, folder, monkeypatch):
    text = put(api, LARGE)
    monkeypatch.setenv("TRADEWIND_XCOM_STORE_URL", "gopher://x")
    with pytest.raises(XComError, match="cannot be opened: No installed provider serves the setting xcom_store_url"):
        xcom.loads(text)


# -- runs that are deleted ---------------------------------------------------------------------------------------------


def test_the_values_of_a_deleted_run_are_deleted(api, folder, home):
    put(api, LARGE)
    store = open_xcom_store(settings.read())
    unwanted.write(home, Unwanted(RUN, "sales", "manual__1"))
    assert unwanted.carry_out(home, store, lambda run: True) == 0, "its deletion is not written yet"
    assert len(kept(folder)) == 1
    assert unwanted.carry_out(home, store, lambda run: False) == 1
    assert kept(folder) == []
    assert unwanted.notes(home) == []


def test_a_run_that_was_not_deleted_after_all_keeps_its_values(api, folder, home):
    put(api, LARGE)
    unwanted.write(home, Unwanted(RUN, "sales", "manual__1"))
    (note,) = unwanted.notes(home)
    long_ago = time.time() - 2 * unwanted.DELETION
    os.utime(note, (long_ago, long_ago))
    unwanted.carry_out(home, open_xcom_store(settings.read()), lambda run: True)
    assert unwanted.notes(home) == []
    assert len(kept(folder)) == 1


def test_a_note_is_kept_till_the_store_serves(api, folder, home, caplog):
    put(api, LARGE)
    unwanted.write(home, Unwanted(RUN, "sales", "manual__1"))
    settings_now = settings.read()
    from tradewind.store import open_store

    open_store(settings_now, create=True).close()
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    courier = ValueCourier(settings_now)
    assert courier.turn() is False
    assert courier.turn(force=True) is False
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "Values of deleted runs cannot be deleted now"
    ]
    folder.unlink()
    away.rename(folder)
    assert courier.turn(force=True) is True
    assert kept(folder) == []


def test_a_run_is_not_deleted_if_that_cannot_be_noted(tmp_path):
    (tmp_path / "home").touch()
    with pytest.raises(StoreError, match="manual__1 of sales is not deleted"):
        unwanted.write(Path(tmp_path / "home"), Unwanted(RUN, "sales", "manual__1"))
