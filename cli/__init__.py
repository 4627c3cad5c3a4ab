"""The door for the command line: commands over the same use cases as the API."""
