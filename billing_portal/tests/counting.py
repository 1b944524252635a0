"""How many questions an answer asked the database, said in its headers: for tests that look through a browser."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Queries"


def count_queries(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware of the tests. What a streamed answer asks while it is read is not counted."""

    def counted(request: HttpRequest) -> HttpResponseBase:
        asked: list[str] = []

        def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            asked.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            response = get_response(request)
        response.headers[HEADER] = str(len(asked))
        return response

    return counted
