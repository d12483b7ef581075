"""The command line: one file a verb, and the place where everything is put together."""
