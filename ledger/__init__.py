"""The books of money and of use: transactions and entries, written by one module and only ever added to."""
