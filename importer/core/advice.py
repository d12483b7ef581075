"""What a person can do about a document, in one sentence and in commands of the command line."""

from importer.core.model import Document, State
from importer.core.person import ACCEPTABLE, is_needed_for

GOES_ON = "Nothing: it goes on by itself."
NOTHING_NOW = {
    State.UNCERTAIN: "Nothing now: Abillify is asked whether it has arrived. If it stays so, look there and say:",
    State.WAITING: "Nothing now: Abillify is asked again for this invoice. If it stays so, check the reference.",
}


def advice(document: Document) -> str:
    """One sentence; the commands follow it."""
    if document.state.is_on_its_way:
        return NOTHING_NOW.get(document.state, GOES_ON)
    if not is_needed_for(document):
        return "Nothing."
    if document.key.in_doubt:
        return "Look at Abillify whether the document is there, and say what you found:"
    if document.state is State.REJECTED:
        return "Mend what is said above and drop the file again; where the file need not change:"
    return "Look at the file, and decide:"


def commands(document: Document) -> list[tuple[str, str]]:
    """What a person can say about a document in this state, as in the reason beside its file."""
    name, code = f"D{document.id}", document.reason.code if document.reason else ""
    found = []
    if document.state in (State.HELD, State.UNCERTAIN) and document.key.in_doubt:
        found += [(f"resolve {name} --imported", "the document is at Abillify")]
        found += [(f"resolve {name} --not-imported", "it is not there; it is sent again after a last look")]
    elif is_needed_for(document) or document.state in (State.WAITING, State.DEFERRED):
        found += [(f"retry {name}", "try again now")]
    if document.state is State.HELD and code in ACCEPTABLE:
        found += [(f"resolve {name} --accept", "import it all the same")]
    if is_needed_for(document) and not document.key.in_doubt:
        found += [(f"resolve {name} --dismiss", "do not import it; nobody is asked any more")]
    return found
