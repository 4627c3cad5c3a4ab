"""Tests that mirror the tree: what holds for tests/x/test_y.py is said of x/y.py."""
