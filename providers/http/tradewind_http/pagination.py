"""How a service tells what its next page is.

Each of these is called with an answer, and says how to ask for the page behind it, or None if that was the last one:
what `pagination_function` of `HttpOperator` is, and `pages` of the endpoint `HttpJson`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tradewind_http.address import next_url, shown
from tradewind_http.errors import HttpError

if TYPE_CHECKING:
    import requests


class Pages(ABC):
    """A way of paging. Calling it with an answer gives the next request: `{"endpoint": url, "data": None}`."""

    @abstractmethod
    def following(self, response: requests.Response) -> str | None:
        """The URL of the next page; None if there is none."""

    def __call__(self, response: requests.Response) -> dict[str, Any] | None:
        url = self.following(response)
        return None if url is None else {"endpoint": url, "data": None}


@dataclass(frozen=True)
class NextLink(Pages):
    """The header `Link: <...>; rel="next"` (RFC 8288), as GitHub and many others send it."""

    def following(self, response: requests.Response) -> str | None:
        told = response.links.get("next", {}).get("url")
        return next_url(response.url, told) if told else None


@dataclass(frozen=True)
class NextUrl(Pages):
    """The answer holds the URL of the next page: `NextUrl("links.next")`. Without it, or with null, it is the last."""

    path: str

    def following(self, response: requests.Response) -> str | None:
        told = pick(response.json(), self.path, None)
        return next_url(response.url, str(told)) if told else None


@dataclass(frozen=True)
class Cursor(Pages):
    """The answer holds a token that the next request gives back: `Cursor("meta.next_cursor", "cursor")`."""

    path: str
    parameter: str = "cursor"

    def following(self, response: requests.Response) -> str | None:
        told = pick(response.json(), self.path, None)
        return with_parameters(response.url, {self.parameter: str(told)}) if told else None


@dataclass(frozen=True)
class PageNumber(Pages):
    """Pages are counted: `PageNumber("page")`, from `first` on. An answer without `records` is behind the last one."""

    parameter: str = "page"
    records: str = ""  #: where in the answer the list of records is; empty: the answer is the list
    first: int = 1

    def following(self, response: requests.Response) -> str | None:
        if not pick(response.json(), self.records, []):
            return None
        current = _parameter(response.url, self.parameter, self.first)
        return with_parameters(response.url, {self.parameter: str(current + 1)})


@dataclass(frozen=True)
class Offset(Pages):
    """The next request says how many records were read: `Offset("offset")`. An answer without records is the end."""

    parameter: str = "offset"
    records: str = ""  #: where in the answer the list of records is; empty: the answer is the list

    def following(self, response: requests.Response) -> str | None:
        found = pick(response.json(), self.records, [])
        if not found:
            return None
        current = _parameter(response.url, self.parameter, 0)
        return with_parameters(response.url, {self.parameter: str(current + len(found))})


_REQUIRED: Any = object()


def pick(data: Any, path: str, default: Any = _REQUIRED) -> Any:
    """What lies at `items.0.name` in JSON. Without a default, raises HttpError that says where the path ends."""
    walked: list[str] = []
    for word in path.split(".") if path else ():
        if isinstance(data, Mapping) and word in data:
            data = data[word]
        elif isinstance(data, list) and word.isdecimal() and int(word) < len(data):
            data = data[int(word)]
        elif default is not _REQUIRED:
            return default
        else:
            there = f"{', '.join(map(str, data))}" if isinstance(data, Mapping) else type(data).__name__
            raise HttpError(f"The answer has no {path!r}: below {'.'.join(walked) or 'its top'} there is {there}.")
        walked.append(word)
    return data


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The URL with these parameters in place of those of the same names."""
    found = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(found.query, keep_blank_values=True) if name not in parameters]
    return urlunsplit(found._replace(query=urlencode([*kept, *parameters.items()])))


def _parameter(url: str, name: str, default: int) -> int:
    told = dict(parse_qsl(urlsplit(url).query)).get(name)
    if told is None:
        return default
    if not told.isdecimal():
        raise HttpError(f"The parameter {name!r} of {shown(url)} must be a number in order to count pages.")
    return int(told)
