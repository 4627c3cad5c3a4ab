"""The history of the database schema, the same for both databases."""
