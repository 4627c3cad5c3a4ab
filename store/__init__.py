"""The ground of everything stored: engine and unit of work, column types, clock, ids, idempotency, audit log, horizon."""
