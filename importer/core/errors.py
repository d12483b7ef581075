"""What every error has in common that a caller is told of by its type."""


class ImporterError(Exception):
    """Something could not be done, for a reason that the message tells a person; nothing was lost by it."""
