"""Tests of papers/: what the documents say, in both languages, and that the same input gives the same bytes."""
