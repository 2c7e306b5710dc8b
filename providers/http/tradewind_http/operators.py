"""`HttpOperator`: one request, or one for each page, whose answer is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.operator.call import call
from tradewind_http.address import shown
from tradewind_http.errors import HttpError
from tradewind_http.hook import HttpHook
from tradewind_http.task import UsesHttp

if TYPE_CHECKING:
    import requests


class HttpOperator(UsesHttp):
    """Asks a service. See `UsesHttp` for the connection.

        HttpOperator(
            task_id="orders",
            http_conn_id="shop",
            method="GET",
            endpoint="orders",
            data={"day": "{{ ds }}"},
            response_filter=lambda response: response.json()["count"],
        )

    - `response_check(response)`: returns False if the answer is not good enough; the task then fails.
    - `response_filter(response)`: what is passed on; by default the text.
    - `pagination_function(response)`: how to ask for the next page, `{"endpoint": ..., "data": ..., "headers": ...,
      "extra_options": ...}`, or None. `tradewind_http` has those that services commonly use: `NextLink()`,
      `NextUrl(path)`, `Cursor(path, parameter)`, `PageNumber(parameter)`, `Offset(parameter)`.
    - `log_response`: write the answer into the log. `auth_type`: see `HttpHook`.

    With pages, check and filter get the list of all answers. The functions may name parts of the context beside
    `response`: `lambda response, ds: ...`.
    """

    template_fields: Sequence[str] = ("endpoint", "data", "headers", "http_conn_id")
    template_fields_renderers = {"headers": "json", "data": "py"}  # noqa: RUF012
    ui_color = "#f4a460"

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        method: str = "POST",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        pagination_function: Callable[..., Mapping[str, Any] | None] | None = None,
        response_check: Callable[..., bool] | None = None,
        response_filter: Callable[..., Any] | None = None,
        request_kwargs: Mapping[str, Any] | None = None,
        extra_options: Mapping[str, Any] | None = None,
        log_response: bool = False,
        auth_type: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(method=method, **kwargs)
        self.endpoint = endpoint
        self.data = data
        self.headers = headers
        self.pagination_function = pagination_function
        self.response_check = response_check
        self.response_filter = response_filter
        self.request_kwargs = request_kwargs
        self.extra_options = extra_options
        self.log_response = log_response
        self.auth_type = auth_type

    def execute(self, context: Any) -> Any:
        first = {
            "endpoint": self.endpoint,
            "data": self.data,
            "headers": dict(self.headers or {}),
            "extra_options": dict(self.extra_options or {}),
            **(self.request_kwargs or {}),
        }
        with self.get_hook(self.auth_type) as hook:
            if self.pagination_function is None:
                answer = self._ask(hook, first)
                return self._result(answer, answer, context)
            pages = self._all_pages(hook, first, context)
            return self._result(pages, pages[-1], context)

    def _ask(self, hook: HttpHook, request: Mapping[str, Any]) -> requests.Response:
        answer = hook.run(**request)
        if self.log_response:
            self.log.info("%s", answer.text)
        return answer

    def _all_pages(self, hook: HttpHook, first: dict[str, Any], context: Any) -> list[requests.Response]:
        assert self.pagination_function is not None
        request = first
        answers: list[requests.Response] = []
        asked: list[dict[str, Any]] = []
        while True:
            if request in asked:
                raise HttpError(
                    f"Task {self.task_id!r}: the page behind {shown(answers[-1].url)} is one that was read already, so "
                    "there would be no end; look at pagination_function."
                )
            asked.append(request)
            answers.append(self._ask(hook, request))
            following = call(self.pagination_function, [answers[-1]], {}, context)
            if not following:
                return answers
            request = _merged(first, following)

    def _result(self, answer: Any, last: requests.Response, context: Any) -> Any:
        """What is passed on of an answer, or of a list of them."""
        if self.response_check is not None and not call(self.response_check, [answer], {}, context):
            raise HttpError(
                f"Task {self.task_id!r}: response_check refuses the answer of {shown(last.url)} "
                f"(connection {self.http_conn_id!r}, status {last.status_code})."
            )
        if self.response_filter is not None:
            return call(self.response_filter, [answer], {}, context)
        return [one.text for one in answer] if isinstance(answer, list) else answer.text


def _merged(first: Mapping[str, Any], following: Mapping[str, Any]) -> dict[str, Any]:
    """The first request with what the next one has otherwise; of mappings, what both have."""
    merged = dict(first)
    for name, value in following.items():
        before = first.get(name)
        merged[name] = {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    if following.get("endpoint") and "://" in str(following["endpoint"]):
        merged.pop("params", None)  # an URL has them
    return merged
