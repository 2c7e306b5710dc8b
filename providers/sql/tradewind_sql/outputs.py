"""Files that hooks write: there when they are complete, and not before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tradewind import atomic


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well, and is gone if it fails.

    A link stays, and what it leads to is replaced. What is there and is no file, such as a pipe or `/dev/null`, is
    written to as it is. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    with atomic.written(target) as file:
        yield file
