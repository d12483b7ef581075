"""What importers left behind that died: their claims are given back, and a send that was under way is in doubt."""

from importer.adapters.ledger import Claim, ClaimLost, Ledger
from importer.core.lifecycle import Interrupted, Now, Policy, decide
from importer.core.model import Document, State

INTERRUPTED = Interrupted("the importer was stopped, or lost its lease, in the middle of it")


def recover(ledger: Ledger, now: Now, policy: Policy) -> list[Document]:
    """Settles every orphaned claim; returns the documents whose upload may have arrived."""
    in_doubt = []
    for orphan in ledger.orphans(now.local):
        claim = ledger.write(ledger.changes.take_over(orphan, now.local))
        if claim is None:
            continue  # another importer was faster
        if claim.document.state is State.SENDING:
            claim = _interrupted(ledger, claim, now, policy)
            in_doubt.append(claim.document)
        ledger.write(ledger.changes.release(claim))
    return in_doubt


def _interrupted(ledger: Ledger, claim: Claim, now: Now, policy: Policy) -> Claim:
    decision = decide(claim.document, INTERRUPTED, now, policy)
    try:
        change = ledger.changes.record(claim, decision.document, decision.event, now.local, outcome="interrupted")
        return ledger.write(change)
    except ClaimLost:
        return claim  # taken over in turn; that one's word counts
