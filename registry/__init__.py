"""Who and what, as dated versions: parties, keys, resources, authorisations, offerings, decisions."""
