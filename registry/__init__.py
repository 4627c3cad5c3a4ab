"""Who and what, as dated versions: parties, keys, resources, authorisations, products, offerings, decisions, contracts."""
