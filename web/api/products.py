"""Routes of products and their registrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.products import enter_product, find_product, product_document, register_product, visible_products
from registry.tables import Product
from schemas.registry import ROLES, ProductIn, ProductOut, RegistrationIn
from store.unit import Unit
from web.door import Door, lists, reads, writes

door = Door("products", __name__, url_prefix="/products", description="Products made under an authorisation")


@writes(door, "", roles=("operator",), body=ProductIn, answer=ProductOut)
def create_product(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Enter a product; without a registration it may be sold until the deadline for one has passed."""
    return product_document(unit, enter_product(unit, body))


@writes(door, "/<ref>/registrations", roles=("operator",), body=RegistrationIn, answer=ProductOut)
def create_registration(unit: Unit, body: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Record a product's registration: its first, or a renewal in the last days of the one before."""
    return product_document(unit, register_product(unit, ref, body))


@lists(door, "", roles=ROLES, item=ProductOut, key=col(Product.id), document=product_document)
def list_products(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the products; an operator sees its own, a grantor and a regulator those under their authorisations."""
    return visible_products(unit)


@reads(door, "/<ref>", roles=ROLES, answer=ProductOut)
def get_product(unit: Unit, _query: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Show a product."""
    return product_document(unit, find_product(unit, ref))
