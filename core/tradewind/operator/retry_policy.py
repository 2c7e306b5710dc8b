"""Retry policies: what a task's failure means depends on the error that it failed with.

    BashOperator(..., retries=5, retry_policy=ExceptionRetryPolicy([
        RetryRule("requests.exceptions.HTTPError", retry_delay=timedelta(minutes=5), reason="rate limit"),
        RetryRule([PermissionError, ValueError], action=RetryAction.FAIL),
    ]))

A policy is asked in the process of the attempt, where the error is. It may end the tries early or choose the delay,
never add tries to `retries`. It is not asked where there is nothing to decide (`TaskFailed`, `SensorTimeout`) and
where no error reaches the task's process (it was killed, or its DAG file could not be loaded).
"""

from __future__ import annotations

import datetime
import importlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tradewind.operator import values

log = logging.getLogger("tradewind.task")

#: An exception class, or its dotted name, which spares the DAG file an import.
ExceptionName = type[BaseException] | str


class RetryAction(StrEnum):
    """What is to follow a failed try."""

    RETRY = "retry"  #: another try, if one is left
    FAIL = "fail"  #: none, whatever is left
    DEFAULT = "default"  #: as `retries` and `retry_delay` say


@dataclass(frozen=True)
class RetryDecision:
    """What a policy says about one failed try."""

    action: RetryAction = RetryAction.DEFAULT
    retry_delay: datetime.timedelta | float | None = None  #: of RETRY, float: seconds; None: as the task says
    reason: str | None = None  #: for people; kept with the try

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", RetryAction(self.action))
        _check_delay(self.retry_delay)

    @classmethod
    def retry(cls, delay: datetime.timedelta | float | None = None, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.FAIL, None, reason)

    @classmethod
    def default(cls) -> RetryDecision:
        return cls()


class RetryPolicy(ABC):
    """Your own policies are subclasses of this one."""

    @abstractmethod
    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide about the try `try_number` (from 1), which failed with `exception`; `max_tries` is `retries`."""


@dataclass(frozen=True)
class RetryRule:
    """What is to follow certain errors: a class, its dotted name, or a list of these."""

    exception: ExceptionName | Collection[ExceptionName]
    action: RetryAction = RetryAction.RETRY
    retry_delay: datetime.timedelta | float | None = None  #: float: seconds
    reason: str | None = None
    match_subclasses: bool = True  #: False: errors of just this class

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", RetryAction(self.action))
        _check_delay(self.retry_delay)
        for name in self._names:
            if isinstance(name, str) and not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"the exception of a RetryRule is a class or its dotted name, not {name!r}")
            if not isinstance(name, str) and not (isinstance(name, type) and issubclass(name, BaseException)):
                raise ValueError(f"the exception of a RetryRule is a class or its dotted name, not {name!r}")

    @property
    def _names(self) -> list[ExceptionName]:
        several = isinstance(self.exception, Collection) and not isinstance(self.exception, (str, type))
        return list(self.exception) if several else [self.exception]  # type: ignore[arg-type, list-item]

    def matches(self, exception: BaseException) -> bool:
        classes = [name if isinstance(name, type) else _imported(name) for name in self._names]
        if self.match_subclasses:
            return any(cls is not None and isinstance(exception, cls) for cls in classes)
        return type(exception) in classes


class ExceptionRetryPolicy(RetryPolicy):
    """The first rule that matches the error decides; `default` if none does."""

    def __init__(self, rules: Iterable[RetryRule], default: RetryAction = RetryAction.DEFAULT) -> None:
        self.rules = list(rules)
        self.default = RetryAction(default)
        for rule in self.rules:
            if not isinstance(rule, RetryRule):
                raise TypeError(f"ExceptionRetryPolicy takes a list of RetryRule, not {rule!r}")

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        for rule in self.rules:
            if rule.matches(exception):
                return RetryDecision(rule.action, rule.retry_delay, rule.reason)
        return RetryDecision(self.default)


def _check_delay(delay: datetime.timedelta | float | None) -> None:
    if delay is not None:
        values.duration(delay)


def _imported(name: str) -> type[BaseException] | None:
    """The class of this dotted name; None, and a line in the log, if there is none."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module or "builtins"), attribute)
    except (ImportError, AttributeError) as error:
        log.warning("A RetryRule is about %s, which is not there, so it matches nothing: %s", name, error)
        return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
