"""What the contracts of log stores and XCom stores have in common: both are places elsewhere, named by a URL."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from tradewind.errors import TradewindError
from tradewind.testing.faults import within
from tradewind.testing.laws import Contract, fixture, needs, require


class RemoteStoreContract(Contract, contract=True):
    """Laws of any store elsewhere. A contract of one kind says which class, which error, and which verbs it has."""

    #: The class that stores of this kind derive from, and the error that their verbs raise.
    store: ClassVar[type[Any]]
    error: ClassVar[type[TradewindError]]
    #: The other side can be out of reach.
    can_be_unreachable: ClassVar[bool] = True
    #: So long a store that is out of reach may take to say so, in seconds.
    patience: ClassVar[float] = 60.0
    #: So many things that belong together are kept; more than a page of what the other side lists.
    many: ClassVar[int] = 50

    @fixture
    def open_store(self) -> Any:
        """A function that makes a store."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture open_store")

    @fixture
    def unreachable(self) -> Any:
        """A store whose other side is not there."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture unreachable")

    @abstractmethod
    def verbs(self, store: Any) -> Mapping[str, Callable[[], object]]:
        """Name -> a call of every verb of the store."""

    def test_making_one_reaches_nothing(self, open_store: Callable[[], Any]) -> None:
        """It is shown by its URL, without options, and has nothing else to say."""
        store = open_store()
        require(str(store.url) in repr(store), f"repr() does not show the URL; leave it to {self.store.__name__}.")
        require("?" not in repr(store), "repr() shows the URL's options; show str(self.url).")

    @needs("can_be_unreachable")
    def test_out_of_reach_is_an_error_in_time(self, unreachable: Any) -> None:
        """Every verb says in time, by an error of its kind that names the URL, that the other side is not there."""
        for what, verb in self.verbs(unreachable).items():
            error = within(self.patience, partial(_raised, verb), lambda: None)
            require(error is not None, f"{what} takes longer than {self.patience:g} s to see that nobody is there.")
            require(
                isinstance(error, self.error),
                f"{what} raises {error!r} when the other side is not there; raise {self.error.__name__}.",
            )
            require(str(unreachable.url) in str(error), f"The error of {what} does not name the URL: {error}")


def _raised(verb: Callable[[], object]) -> BaseException | str:
    try:
        verb()
    except Exception as error:
        return error
    return "nothing"
