"""A client of the API as a customer would write it: JSON, a key, an idempotency key for each POST."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.keys import create_key
from store.unit import Call, Principal, Store

BASE = "/api/v1"


@dataclass(frozen=True)
class Client:
    """Speaks to the application with one key, or none."""

    app: Flask
    key: str | None = None

    @classmethod
    def administrator(cls, app: Flask) -> Client:
        """Return a client with an administrator's key, made as the command line makes the first one."""
        store: Store = app.extensions["tariffbook"]
        given = {"role": "admin", "party": None, "expires_at": None}
        _, text = store.run(
            Call(Principal("admin", key_id="local"), "keys create"), lambda unit: create_key(unit, given)
        )
        return cls(app, text)

    def client_of(self, role: str, party: str | None = None) -> Client:
        """Return a client with a new key of a role (and party); this client must be an administrator's."""
        made = self.post("/keys", {"role": role, **({"party": party} if party else {})})
        assert made.status_code == 201, made.text
        return Client(self.app, made.json["key"])  # type: ignore[index]

    def post(self, path: str, body: Any = None, *, key: str | None = "fresh", **headers: str) -> TestResponse:
        """POST JSON under an idempotency key: a fresh one, the one given, or none."""
        named = {} if key is None else {"Idempotency-Key": str(uuid.uuid4()) if key == "fresh" else key}
        return self._send("POST", path, json=body, headers={**named, **headers})

    def put(self, path: str, body: Any) -> TestResponse:
        """PUT JSON."""
        return self._send("PUT", path, json=body, headers={})

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET with query arguments."""
        return self._send("GET", path, query_string=query, headers={})

    def made(self, path: str, body: Any = None, status: int = 201) -> Any:
        """POST, require the status, and return the document."""
        answer = self.post(path, body)
        assert answer.status_code == status, answer.text
        return answer.json

    def seen(self, path: str, **query: Any) -> Any:
        """GET, require success, and return the document."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def refused(self, path: str, body: Any, status: int, code: str) -> Any:
        """POST, require a problem of this status and code, and return its document."""
        answer = self.post(path, body)
        assert answer.status_code == status, answer.text
        assert answer.mimetype == "application/problem+json"
        assert answer.json is not None
        assert answer.json["code"] == code, answer.text
        return answer.json

    def _send(self, method: str, path: str, *, headers: Mapping[str, str], **options: Any) -> TestResponse:
        authorised = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if options.get("json", ...) is None:
            options.pop("json")
        return self.app.test_client().open(
            f"{BASE}{path}" if not path.startswith(("/healthz", "/readyz", "/metrics")) else path,
            method=method,
            headers={**authorised, **headers},
            **options,
        )
