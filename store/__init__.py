"""The ground of everything stored: engine, unit of work, column types, ids, idempotency, log, horizon."""
