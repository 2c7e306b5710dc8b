"""What a contract is: a class whose test methods are laws, which subclasses keep and cannot quietly change.

A law is written once, as a method, and used twice: pytest collects it from the subclass of a provider, and `tradewind
providers check` calls it without pytest. When it is broken it says what the author is to do, in words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from tradewind.errors import PluginError

try:
    from pytest import fixture as fixture  # noqa: PT013  # under this name the contracts use it
except ImportError:  # `providers check` calls laws where there is no pytest, and hands over what fixtures would make

    def fixture(function: Any) -> Any:  # type: ignore[no-redef]
        return function


F = TypeVar("F", bound=Callable[..., Any])


class LawBroken(AssertionError):
    """A law is broken. The message says what is so, and what the author is to do."""


class ContractError(PluginError, TypeError):
    """A class changes a law of the contract that it says it keeps."""


def require(kept: Any, told: str) -> None:
    """Raise LawBroken with this message unless `kept` is true."""
    __tracebackhide__ = True
    if not kept:
        raise LawBroken(told)


def needs(*flags: str) -> Callable[[F], F]:
    """The law holds only for classes whose attributes of these names are true; `not x`: is false."""

    def mark(law: F) -> F:
        law.needs = flags  # type: ignore[attr-defined]
        return law

    return mark


class Contract:
    """Base of contracts, which are made with `class X(Contract, contract=True)`; their `test_...` methods are laws.

    A subclass without `contract=True` is tested. Adding laws is fine; one that is redefined must be marked
    `pytest.mark.xfail(reason=...)`. Raises ContractError otherwise.
    """

    __test__ = False
    _is_contract: ClassVar[bool] = True

    def __init_subclass__(cls, *, contract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._is_contract = contract
        if "__test__" not in vars(cls):
            cls.__test__ = not contract
        for name, law in cls.laws().items():
            _refuse_silent_change(cls, name, law)
            if contract:
                continue
            if not cls.applies(law):
                setattr(cls, name, None)  # hides it from pytest: what is not claimed is neither run nor skipped
            elif getattr(cls, name) is None:
                setattr(cls, name, law)

    @classmethod
    def laws(cls) -> dict[str, Callable[..., None]]:
        """Every law of the contracts that this class is made of, by its name."""
        found: dict[str, Callable[..., None]] = {}
        for part in reversed(cls.__mro__):
            if vars(part).get("_is_contract"):
                for name, law in vars(part).items():
                    if name.startswith("test_") and callable(law):
                        found.setdefault(name, law)
        return found

    @classmethod
    def applies(cls, law: Callable[..., None]) -> bool:
        """Whether the class has every capability that the law needs."""
        return all(
            bool(getattr(cls, flag.removeprefix("not "))) != flag.startswith("not ")
            for flag in getattr(law, "needs", ())
        )


def _refuse_silent_change(cls: type[Contract], name: str, law: Callable[..., None]) -> None:
    owner = next(part for part in cls.__mro__ if name in vars(part))
    found = vars(owner)[name]
    if found is law or _has_reason(found) or (found is None and owner is not cls):
        return
    raise ContractError(
        f"{cls.__qualname__} redefines the law {name}, which is not its own to change. Keep the law; or, if it cannot "
        "be kept, mark the method with @pytest.mark.xfail(reason=...) and call super() in it."
    )


def _has_reason(function: Any) -> bool:
    marks = getattr(function, "pytestmark", ())
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)


@dataclass(frozen=True)
class Verdict:
    """Whether one law is kept."""

    law: str  #: what it asks for, in a sentence
    kept: bool
    told: str = ""  #: what is wrong, and what to do


def try_laws(contract: type[Contract], **given: Any) -> Iterator[Verdict]:
    """Call every law that applies, without pytest. `given` is what fixtures would hand over, by name."""
    subject = contract()
    for law in contract.laws().values():
        if contract.applies(law):
            wanted = [name for name in inspect.signature(law).parameters if name != "self"]
            yield _try(law, subject, {name: given[name] for name in wanted})


def _try(law: Callable[..., None], subject: Contract, arguments: dict[str, Any]) -> Verdict:
    title = inspect.cleandoc(law.__doc__ or law.__name__).partition("\n")[0].rstrip(".")
    try:
        law(subject, **arguments)
    except LawBroken as error:
        return Verdict(title, False, str(error))
    except (Exception, SystemExit) as error:  # of the provider's own: it is what is wrong
        return Verdict(title, False, f"{type(error).__name__}: {error}")
    return Verdict(title, True)
