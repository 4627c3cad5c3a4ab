"""What may be charged: values in, values out; no database, no clock, no network."""
