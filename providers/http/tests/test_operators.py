"""HttpOperator and HttpSensor, run as the runner does, against a service."""

import json

import pytest

from tradewind.operator import PokeReturnValue
from tradewind_http import (
    Cursor,
    HttpError,
    HttpOperator,
    HttpSensor,
    HttpStatusError,
    NextLink,
    NextUrl,
    Offset,
    PageNumber,
)


def ids(responses):
    return [
        one["id"]
        for answer in responses
        for one in (answer.json()["items"] if "items" in answer.json() else answer.json())
    ]


def test_the_text_is_passed_on_or_what_the_filter_makes_of_it(put, run_task):
    put("orders", [{"id": 7}])
    task = HttpOperator(task_id="a", http_conn_id="shop", method="GET", endpoint="orders")
    assert json.loads(run_task(task).result) == [{"id": 7}]
    task = HttpOperator(
        task_id="b",
        http_conn_id="shop",
        method="GET",
        endpoint="{{ params.what }}",
        params={"what": "orders"},
        response_filter=lambda response, task: [task.task_id, response.json()[0]["id"]],
    )
    assert run_task(task).result == ["b", 7]


def test_an_answer_that_the_check_refuses_fails_the_task(put, run_task):
    put("orders", [])
    task = HttpOperator(
        task_id="a",
        http_conn_id="shop",
        method="GET",
        endpoint="orders",
        response_check=lambda response: response.json(),
    )
    with pytest.raises(
        HttpError, match=r"Task 'a': response_check refuses the answer of http://.*/orders \(connection"
    ):
        run_task(task)


def test_post_is_the_method_where_none_is_told(run_task, service, get):
    run_task(HttpOperator(task_id="a", http_conn_id="shop", endpoint="orders", data='[{"id": 1}]'))
    assert get.run("orders").json() == [{"id": 1}]


def ids_of_texts(texts):
    return [one["id"] for text in texts for one in json.loads(text)]


@pytest.mark.parametrize(
    ("pages", "data"),
    [
        (NextLink(), {"limit": "2"}),
        (NextUrl("next"), {"limit": "2", "envelope": "1"}),
        (Cursor("next_cursor", "cursor"), {"limit": "2", "envelope": "1"}),
        (PageNumber("page"), {"limit": "2", "page": "1"}),
        (PageNumber("page", records="items"), {"limit": "2", "page": "1", "envelope": "1"}),
        (Offset("offset"), {"limit": "2", "offset": "0"}),
        (
            lambda response: {"data": {"page": int(response.url[-1]) + 1}} if response.json() else None,
            {"limit": "2", "page": "1"},
        ),
    ],
    ids=["link", "url", "cursor", "page", "page in an envelope", "offset", "own function"],
)
def test_every_page_is_read_once(put, run_task, control, pages, data):
    put("orders", [{"id": number} for number in range(5)])
    task = HttpOperator(
        task_id="all",
        http_conn_id="shop",
        method="GET",
        endpoint="orders",
        data=data,
        pagination_function=pages,
        response_filter=ids,
    )
    assert run_task(task).result == [0, 1, 2, 3, 4]
    asked = [call.target for call in control.calls("orders") if call.method == "GET"]
    assert len(asked) == len(set(asked))


def test_with_pages_the_check_gets_all_answers(put, run_task):
    put("orders", [{"id": number} for number in range(3)])
    given = {"http_conn_id": "shop", "method": "GET", "endpoint": "orders", "data": {"limit": "2"}}
    task = HttpOperator(
        task_id="all", pagination_function=NextLink(), response_check=lambda pages: len(pages) == 2, **given
    )
    assert ids_of_texts(run_task(task).result) == [0, 1, 2]
    task = HttpOperator(
        task_id="all", pagination_function=NextLink(), response_check=lambda pages: len(pages) > 2, **given
    )
    with pytest.raises(HttpError, match="response_check refuses the answer of"):
        run_task(task)


def test_how_sockets_are_kept_alive_is_told_to_the_hook():
    told = {
        "tcp_keep_alive": False,
        "tcp_keep_alive_idle": 1,
        "tcp_keep_alive_count": 2,
        "tcp_keep_alive_interval": 3,
    }
    for kind in (HttpOperator, HttpSensor):
        hook = kind(task_id="a", endpoint="x", **told).get_hook()
        assert {name: getattr(hook, name) for name in told} == told


def test_pages_without_an_end_are_noticed(put, run_task):
    put("orders", [{"id": 1}])
    task = HttpOperator(
        task_id="all",
        http_conn_id="shop",
        method="GET",
        endpoint="orders",
        pagination_function=lambda response: {"endpoint": response.url},
    )
    with pytest.raises(HttpError, match="there would be no end"):
        run_task(task)


def test_the_sensor_waits_while_it_is_not_there_and_passes_on_what_it_found(put, run_task, control):
    put("state", {"done": False})
    task = HttpSensor(
        task_id="wait", http_conn_id="shop", endpoint="missing", poke_interval=0.01, timeout=0.05, soft_fail=True
    )
    assert str(run_task(task).state) == "skipped"
    looks = iter([False, True])
    task = HttpSensor(
        task_id="wait",
        http_conn_id="shop",
        endpoint="state",
        poke_interval=0.01,
        response_check=lambda response: PokeReturnValue(next(looks), response.json()),
    )
    assert run_task(task).result == {"done": False}


def test_the_sensor_gives_its_place_back_if_it_is_deferrable():
    assert HttpSensor(task_id="wait", endpoint="x", deferrable=True).mode == "reschedule"
    assert HttpSensor(task_id="wait", endpoint="x").mode == "poke"


def test_the_sensor_fails_on_other_errors(service, run_task, control):
    control.fault("status", status=500, times=10)
    task = HttpSensor(task_id="wait", http_conn_id="shop", endpoint="state", poke_interval=0.01)
    with pytest.raises(HttpStatusError, match="500"):
        run_task(task)
    task = HttpSensor(
        task_id="wait",
        http_conn_id="shop",
        endpoint="state",
        poke_interval=0.01,
        timeout=0.05,
        soft_fail=True,
        response_error_codes_allowlist=(404, "500"),
    )
    assert str(run_task(task).state) == "skipped"


def test_the_sensor_waits_for_404_unless_told(service, run_task):
    given = {"http_conn_id": "shop", "endpoint": "missing", "poke_interval": 0.01, "timeout": 0.05, "soft_fail": True}
    task = HttpSensor(task_id="wait", response_error_codes_allowlist=None, **given)
    assert str(run_task(task).state) == "skipped"
    task = HttpSensor(task_id="wait", response_error_codes_allowlist=[], **given)
    with pytest.raises(HttpStatusError, match="404"):
        run_task(task)
