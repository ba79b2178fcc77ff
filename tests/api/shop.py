"""A client of a running platform that knows the API description, and keeps what it asked and what it was answered."""

import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Exchange:
    """One request and its answer."""

    operation: str
    status: int
    parameters: dict[str, Any]
    request: Any
    response: Any
    headers: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.response[name]

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class Unexpected(Exception):
    """An answer with another status than the one asked for."""


class Shop:
    """The demo shop as its back end (secret key) and as its storefront (publishable key) see it."""

    def __init__(self, state: Path):
        dev = json.loads(state.read_text())
        self.url = dev["gateway_url"]
        self.keys = {"secret": dev["secret_key"], "publishable": dev["publishable_key"], "none": None}
        self.exchanges: list[Exchange] = []
        self.number = 0
        address = urllib.parse.urlsplit(self.url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        self.description = self.send("GET", "/openapi.json", {}, None)[2]
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.description["paths"].items()
            for method, operation in item.items()
        }

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, dict[str, str], Any]:
        """Sends one request; a JSON body is parsed."""
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        text = answer.read()
        answered = {name.lower(): value for name, value in answer.getheaders()}
        is_json = answered.get("content-type", "").split(";")[0].endswith("json")
        is_json = is_json and "ndjson" not in answered["content-type"]
        return answer.status, answered, json.loads(text) if is_json else text.decode() or None

    def call(
        self,
        operation: str,
        *ids: str,
        expect: int | tuple[int, ...] = (200, 201, 202, 204),
        query: dict[str, Any] | None = None,
        body: Any = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
        key: str = "secret",
    ) -> Exchange:
        """Calls an operation by its id, with the ids of its path in their order."""
        method, template, described = self.operations[operation]
        names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
        assert len(names) == len(ids), f"{operation} wants {names}"
        path = template
        for name, value in zip(names, ids):
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = dict(headers or {})
        if self.keys[key]:
            sent["Authorization"] = f"Bearer {self.keys[key]}"
        if method in ("POST", "PATCH") and "Idempotency-Key" not in sent:
            self.number += 1
            sent["Idempotency-Key"] = f"tour-{self.number}-{time.time_ns()}"
        kinds = list(described.get("requestBody", {}).get("content", {}))
        data = text.encode() if text is not None else json.dumps(body).encode() if body is not None else None
        if data is not None:
            sent.setdefault("Content-Type", kinds[0] if kinds else "application/json")
        status, answered, response = self.send(method, path, sent, data)
        shown = {name: value for name, value in sent.items() if name not in ("Authorization", "Content-Type", "Idempotency-Key")}
        parameters = dict(zip(names, ids)) | (query or {}) | shown
        exchange = Exchange(operation, status, parameters, text if text is not None else body, response, answered)
        wanted = expect if isinstance(expect, tuple) else (expect,)
        if status not in wanted:
            raise Unexpected(f"{operation}: {method} {path} answered {status} in place of {wanted}: {response}")
        self.exchanges.append(exchange)
        return exchange

    def until(self, operation: str, *ids: str, field: str, values: tuple[str, ...], **rest: Any) -> Exchange:
        """Reads until a field has one of these values; what came before is not kept."""
        deadline = time.monotonic() + 30
        while True:
            exchange = self.call(operation, *ids, **rest)
            if exchange[field] in values:
                return exchange
            self.exchanges.pop()
            if time.monotonic() > deadline:
                raise Unexpected(f"{operation}: {field} is {exchange[field]} after 30 s, in place of {values}")
            time.sleep(0.05)

    def answered(self) -> dict[str, set[int]]:
        """The statuses of each operation."""
        statuses: dict[str, set[int]] = {operation: set() for operation in self.operations}
        for exchange in self.exchanges:
            statuses[exchange.operation].add(exchange.status)
        return statuses
