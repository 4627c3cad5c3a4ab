"""Tests of the ground of everything stored."""
