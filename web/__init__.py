"""The door for browsers and programs: API blueprints, pages, and the one table from error to status."""
