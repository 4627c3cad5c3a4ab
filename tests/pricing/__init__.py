"""Tests of the pure arithmetic of prices."""
