"""What a service makes once, made once for all the stores of a test session: compiled statements, connections.

A service has one engine. The tests open one for each database, and would make both anew for each.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Pool, create_engine

import store.engine

STATEMENTS_MAX = 10_000
_open_postgresql = store.engine._open_postgresql
_models: dict[str, Engine] = {}
_pools: dict[tuple[object, ...], Pool] = {}
_urls: set[str] = set()
_left: list[object] = []


def keep() -> None:
    """Let the engines that are opened from now on have what the first one of their kind compiled."""
    store.engine.create_engine = _created  # type: ignore[assignment,attr-defined]
    store.engine._open_postgresql = _opened


def keep_connections(url: str) -> str:
    """Keep the connections to a PostgreSQL database from store to store; return its URL."""
    _urls.add(url)
    return url


def leave_behind() -> None:
    """Take none of the kept connections into a copy of this process; nor close them, for they are the other's."""
    _left.append(dict(_pools))
    _pools.clear()


def _created(url: str, **options: Any) -> Engine:
    engine = create_engine(url, **options)
    model = _models.get(engine.name)
    if model is None:
        model = _models[engine.name] = create_engine(url, query_cache_size=STATEMENTS_MAX, **options)
        # The dialect learns from its first connection what it speaks to.
        model.connect().close()
        model.dispose()
    engine.dialect = model.dialect
    engine._compiled_cache = model._compiled_cache
    return engine


def _opened(url: str, wait_seconds_max: int, pool_size: int, *, as_owner: bool) -> Engine:
    engine = _open_postgresql(url, wait_seconds_max, pool_size, as_owner=as_owner)
    if url in _urls:
        engine.pool = _pools.setdefault((url, wait_seconds_max, pool_size, as_owner), engine.pool)
        engine.dispose = _leave_open  # type: ignore[method-assign]
    return engine


def _leave_open(close: bool = True) -> None:
    """Close nothing: the next store goes on with it."""
