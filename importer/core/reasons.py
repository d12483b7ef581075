"""Every code that a reason may have, for whoever reads one in JSON, in a metric or beside a file.

`Reason.message` tells the case at hand; this tells what a code means in every case. A test holds that each code of the
program is here, and none besides. What the bytes or the name of a file give stands in `verdict.REASONS`.
"""

import re
from collections.abc import Mapping

from importer.core.verdict import REASONS

NEEDS_PERSON: Mapping[str, str] = {
    "no_rule": "No rule understands the file's name: rename the file, or add a rule and `importer retry` it.",
    "ambiguous": "The rules disagree about the name, or it speaks of more than one invoice or kind: rename the file.",
    "unreadable_name": "The file's name cannot be read by any rule: rename the file.",
    "unusual_batch": "Too many files for one invoice, or too many that only a fallback rule understood, arrived "
    "together: look whether names and rules are right, then decide about the whole batch.",
    "revision": "The invoice has a document of this kind already, with other content: compare the two, then accept "
    "this one beside it, or dismiss it.",
    "same_bytes_elsewhere": "The same bytes are known under another invoice or kind: look where they belong, then "
    "accept or dismiss this one.",
    "invoice_paid": "A reminder for an invoice that is paid or cancelled, or looks so: look at it in Abillify, then "
    "accept or dismiss it.",
    "refused_by_api": "Abillify refused the document (400, 413, 415 or 422): mend what its answer names, then "
    "`importer retry` it.",
    "forbidden_for_invoice": "Abillify accepts the credentials, but not for this invoice: ask for access to it, then "
    "`importer retry` it.",
    "waiting_too_long": "Abillify has not known the invoice for `schedule.waiting_limit`: check the reference; once "
    "the invoice is there, `importer retry` it.",
    "readback_unclear": "An upload may have arrived, and Abillify's list cannot tell: look at the invoice there, then "
    "`importer resolve --imported` or `--not-imported`.",
    "keeps_failing": "Abillify has failed under key after key, and does not hold the document: ask Abillify why, then "
    "`importer retry` it.",
    "internal_error": "The importer failed on this document: report it with the log, then `importer retry` it.",
    "file_gone": "The file is gone or has other content, before it was known to be at Abillify: put the same file into "
    "the inbox again, or dismiss the document.",
    "dismissed": "A person decided that the document is not to be imported: nothing to do.",
}
"""Of documents that are rejected or held, beside those of a verdict: what happened, and what to do."""

GOES_ON: Mapping[str, str] = {
    "duplicate": "The same document is known already; nothing was sent.",
    "outcome_unknown": "An upload may have arrived: a lost reply, a fault of Abillify's, a crash, or a ledger that was "
    "rebuilt. Abillify is asked before anything is sent again.",
    "too_early_to_tell": "A person said that it is not there, but its last upload may still appear "
    "(`api.readback_grace`); it is looked up again after that.",
    "unreachable": "Abillify could not be reached; nothing was sent. It is tried again.",
    "too_many_requests": "Abillify asked for patience (429). It is tried again when it said.",
    "invoice_unknown": "Abillify does not know the invoice yet; it is asked again on the schedule `schedule.waiting`.",
    "file_unreadable": "The file is there but cannot be read. It is tried again; look at its rights and at the disk.",
}
"""Of documents that want nobody, at least not now."""

OF_THE_LINE: Mapping[str, str] = {
    "starting": "The credentials have not been checked yet; nothing is sent before they are.",
    "credentials_refused": "Abillify refused the credentials (401, 403): correct them. Nothing needs a restart.",
    "unreachable": "Abillify does not answer; one probe at a time goes out until it does.",
    "too_many_requests": "Abillify asked for patience (429); nothing is sent until then.",
    "no_server_time": "Abillify's replies carry no `Date` header: let it through the proxy.",
    "endpoint_failing": "One endpoint fails for one document after the other; one document at a time is tried there.",
}
"""Why nothing, or little, is sent: `line` in `importer status --json`, `reason` in the metrics and the log."""

OF_ANSWERS: Mapping[str, str] = {
    "ignored": "`explain`: no scan would take this file.",
    "on_its_way": "`explain`: the file is in the ledger already and goes on by itself.",
    "question_failed": "`reconcile`: Abillify did not answer a question; nothing is known of that document's outcome.",
}
"""Only in what a verb prints."""


def of_verdicts() -> dict[str, str]:
    """What the name or the bytes give; what the details would fill in is an ellipsis."""
    return {code: re.sub(r"\{\w+\}", "…", text) for code, text in REASONS.items()}
