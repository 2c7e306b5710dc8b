"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tradewind import atomic


def test_a_file_is_replaced_in_one_moment(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic.written(path, durable=True) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert len(list(atomic.partials(path))) == 1
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail():
        with atomic.written(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    partial = atomic.Partial(tmp_path / "file")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, partial.file.fileno())
    os.close(full)
    partial.file.write(b"x")
    with pytest.raises(OSError, match="No space left"):
        partial.commit()
    partial.discard()
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_reads_a_private_file_from_the_first_moment(tmp_path):
    path = tmp_path / "file"
    with atomic.written(path, private=True):
        (partial,) = atomic.partials(path)
        assert partial.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o600
    atomic.write(tmp_path / "other", b"")
    (tmp_path / "usual").write_bytes(b"")
    assert (tmp_path / "other").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_replaces_none(tmp_path, monkeypatch, has_links):
    if not has_links:

        def refuse(*_, **__):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "file"
    atomic.write(path, b"first", new=True)
    with pytest.raises(FileExistsError):
        atomic.write(path, b"second", new=True)
    assert path.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255, "[a-z]*", "." * 3])
def test_any_name_that_the_file_system_takes(tmp_path, name):
    path = tmp_path / name
    with atomic.written(path) as file:
        file.write(b"x")
        (partial,) = atomic.partials(path)
        assert partial.name.startswith(".")
    assert path.read_bytes() == b"x"
