"""All reads as of a moment: compliance, position, operation, disclosure, parity and reconciliation."""
