"""Tests of use: events, quotas, refusals, write-offs."""
