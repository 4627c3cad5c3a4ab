"""The routes of the API, one module an area; each is a thin door to a use case."""

from web.api import keys, parties, sandbox

DOORS = (parties.door, keys.door, sandbox.door)
"""Every area of the API, in the order of the documentation."""
