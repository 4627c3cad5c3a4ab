"""Use of the offerings: events, refusals, quotas and the right to use."""
