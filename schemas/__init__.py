"""The wire format: what the API reads and writes, without a table or a request."""
