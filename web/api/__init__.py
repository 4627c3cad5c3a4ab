"""The routes of the API, one module an area; each is a thin door to a use case."""

from web.api import (
    authorisations,
    books,
    ceilings,
    contracts,
    grants,
    keys,
    offerings,
    parties,
    products,
    public,
    resources,
    revenue_caps,
    sandbox,
    tariffs,
    usage,
    usage_events,
)

DOORS = (
    parties.door,
    keys.door,
    resources.door,
    authorisations.door,
    products.door,
    offerings.door,
    revenue_caps.door,
    ceilings.door,
    tariffs.door,
    grants.door,
    contracts.door,
    usage_events.door,
    usage_events.refused_door,
    usage.door,
    usage.writeoffs_door,
    books.door,
    public.door,
    sandbox.door,
)
"""Every area of the API, in the order of the documentation."""
