"""`HttpSensor`: waits until a service gives the answer that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind import BaseSensor
from tradewind.operator import PokeReturnValue
from tradewind.operator.call import call
from tradewind_http.errors import HttpStatusError
from tradewind_http.task import UsesHttp

_NOT_FOUND = 404


class HttpSensor(BaseSensor, UsesHttp):
    """Asks until the service answers without an error, and `response_check(response)`, if there is one, says yes.

        HttpSensor(
            task_id="ready",
            http_conn_id="shop",
            endpoint="exports/{{ ds }}",
            response_check=lambda response: response.json()["state"] == "done",
        )

    Statuses of `response_error_codes_allowlist` (404 unless given) mean "not yet"; other errors fail the task.
    `response_check` may return `PokeReturnValue(is_done, xcom_value)`, and may name parts of the context. `deferrable`
    is the same as `mode="reschedule"`: no process waits in between. See `UsesHttp` for the connection.
    """

    template_fields: Sequence[str] = ("endpoint", "request_params", "headers", "http_conn_id")

    def __init__(
        self,
        *,
        endpoint: str,
        method: str = "GET",
        request_params: Any = None,
        request_kwargs: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        response_error_codes_allowlist: Sequence[str | int] | None = None,
        response_check: Callable[..., bool | PokeReturnValue] | None = None,
        extra_options: Mapping[str, Any] | None = None,
        deferrable: bool = False,
        **kwargs: Any,
    ) -> None:
        given: dict[str, Any] = {"method": method, **({"mode": "reschedule"} if deferrable else {})}
        super().__init__(**given | kwargs)
        self.endpoint = endpoint
        self.request_params = request_params
        self.request_kwargs = request_kwargs
        self.headers = headers
        self.response_error_codes_allowlist = (
            (_NOT_FOUND,) if response_error_codes_allowlist is None else response_error_codes_allowlist
        )
        self.response_check = response_check
        self.extra_options = extra_options
        self.deferrable = deferrable

    def poke(self, context: Any) -> bool | PokeReturnValue:
        with self.get_hook() as hook:
            try:
                answer = hook.run(
                    self.endpoint, self.request_params, self.headers, self.extra_options, **(self.request_kwargs or {})
                )
            except HttpStatusError as error:
                if str(error.status) not in map(str, self.response_error_codes_allowlist):
                    raise
                self.log.info("Not yet: %s", error)
                return False
            if self.response_check is None:
                return True
            found = call(self.response_check, [answer], {}, context)
            return found if isinstance(found, PokeReturnValue) else bool(found)
