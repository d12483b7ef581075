"""A text that must not be seen: not in a message, a log line, a traceback's locals or a pickle."""

from typing import NoReturn


class Secret:
    """Shows itself as `***` wherever it is printed; `reveal()` is the one way to the text.

    A plain class on purpose: `dataclasses.asdict` and `vars` would look through anything more open.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        return self.__text

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.__text)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        """Raises: TypeError: always; a secret does not leave the process."""
        raise TypeError("a secret cannot be pickled")
