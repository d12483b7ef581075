"""One outside thing each; adapters know the core and never one another."""
