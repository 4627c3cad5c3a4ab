"""Speed and memory, measured against a raw baseline of the same run; ``python -m benchmarks`` runs all of it."""
