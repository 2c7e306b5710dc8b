"""`BaseHook`: a client of an outside system, made from a connection.

Hooks are a library: a script or notebook can use one with nothing else of tradewind running, and nothing is loaded or
written for it but the client itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    import logging
    from types import TracebackType

    from tradewind.connection import Connection


class BaseHook:
    """Base of all hooks. A subclass gives `get_conn`, and keeps what must be closed closable by `close`."""

    #: Name of the constructor's argument that takes the connection id.
    conn_name_attr: ClassVar[str] = "conn_id"
    #: The connection id that is meant when none is given.
    default_conn_name: ClassVar[str] = "default"
    #: Connection type and label; empty: the hook has no connection of its own.
    conn_type: ClassVar[str] = ""
    hook_name: ClassVar[str] = ""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """The connection of that id. Raises ConnectionNotFound or BrokenConnection."""
        from tradewind.connection import Connection  # here, so that importing a hook costs little

        return Connection.get(conn_id)

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        """`get_connection`, without blocking the event loop."""
        from tradewind.connection import Connection

        return await Connection.async_get(conn_id)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """The hook that the type of the connection calls for."""
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    @classmethod
    async def aget_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """`get_hook`, without blocking the event loop."""
        return (await cls.aget_connection(conn_id)).get_hook(hook_params=hook_params)

    def use_connection(self, conn_id: str, connection: Connection) -> None:
        """Let this hook find `connection` under `conn_id`, whatever the sources say."""

        def get_connection(asked: str) -> Connection:
            return connection if asked == conn_id else type(self).get_connection(asked)

        self.get_connection = get_connection  # type: ignore[assignment, method-assign]

    def get_conn(self) -> Any:
        """The open client. Subclasses say what it is."""
        raise TypeError(f"{type(self).__name__} has no client of its own: its class does not define get_conn")

    def test_connection(self) -> tuple[bool, str]:
        """Whether the other side answers, and what to tell the user. By default: whether the client opens."""
        try:
            self.get_conn()
        except Exception as error:
            return False, str(error) or type(error).__name__
        return True, "The client opens."

    def close(self) -> None:
        """Close what `get_conn` opened. May be called more than once; does nothing by default."""

    @property
    def log(self) -> logging.Logger:
        import logging

        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
