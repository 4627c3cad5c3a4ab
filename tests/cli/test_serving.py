from __future__ import annotations

from tests.cli.command import Command
from tests.served import serving


def test_the_service_answers_until_it_is_told_to_stop(command: Command) -> None:
    key = command.done("keys", "create", "--role", "admin").lines[-1]
    with serving(command) as served:
        assert served.get("/readyz") == (200, {"status": "ready"})
        assert served.get("/api/v1/keys")[0] == 401
        status, document = served.get("/api/v1/keys", key)
        assert (status, len(document["items"])) == (200, 1)
        assert b"tariffbook_requests_total" in served.get("/metrics")[1]
        assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()


def test_sqlite_is_served_by_one_process(on_new_file: Command) -> None:
    ended = on_new_file.end("serve", "--port", "0", "--workers", "2")
    assert ended.code == 2
    assert "SQLite is served by one process" in ended.err
