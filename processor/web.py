"""Requests and answers, without a framework: what an HTTP server hands over, and what it sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have small letters; `params` are the query's and the form's, nested as their brackets say."""

    method: str
    path: str
    params: dict[str, Any] = field(repr=False, default_factory=dict)  # may hold a card number for a moment
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, body: Any, status: int = 200) -> Response:
        return cls(status, json.dumps(body).encode(), "application/json")

    @classmethod
    def see(cls, url: str) -> Response:
        return cls(303, headers={"Location": url})


def nested(encoded: str) -> dict[str, Any]:
    """`metadata[key]=a&expand[0]=b` → {"metadata": {"key": "a"}, "expand": ["b"]}."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, max_num_fields=200):
        first, *rest = [part.rstrip("]") for part in name.split("[")]
        at, last = found, first
        for part in rest:
            inner = at.setdefault(last, {})
            if not isinstance(inner, dict):  # a=1&a[b]=2 means nothing
                inner = at[last] = {}
            at, last = inner, part or str(len(inner))
        at[last] = value
    return {name: _as_list(value) for name, value in found.items()}


def _as_list(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _as_list(part) for name, part in value.items()}
    return list(inner.values()) if inner and all(name.isdecimal() for name in inner) else inner
