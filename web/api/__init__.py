"""The routes of the API, one module an area; each is a thin door to a use case."""

from web.api import books, keys, parties, sandbox

DOORS = (parties.door, keys.door, books.door, sandbox.door)
"""Every area of the API, in the order of the documentation."""
