"""The 115 faults of exactly-once.md: which invariants they threaten, and where each is produced.

`C` the campaign; a test's name; otherwise the reason why it is not produced here yet. `docs/faults.md` is made of this.
"""

KILLS, NETWORK, HTTP = "I1 I2 I4 I6", "I1 I3 I6", "I1 I3 I9"
FILES, LEDGER, MANY, PEOPLE = "I2 I8 I9", "I1 I3 I6", "I1 I4", "I1 I2 I9"
C = "campaign"

FAULTS = {
    1: (KILLS, "killed after the claim", C),
    2: (KILLS, "killed mid-read", C),
    3: (KILLS, "killed before T1 commits", C),
    4: (KILLS, "killed after T1", C),
    5: (KILLS, "killed before T3 commits", C),
    6: (KILLS, "killed after T3, before connect", C),
    7: (KILLS, "killed mid-body", C),
    8: (KILLS, "killed after the last byte", C),
    9: (KILLS, "killed when the reply is read, before T4", C),
    10: (KILLS, "killed after T4", C),
    11: (KILLS, "killed after the receipt, before the rename", C),
    12: (KILLS, "killed after the rename", C),
    13: (KILLS, "killed before T5", C),
    14: (KILLS, "killed during a rejection's move", C),
    15: (KILLS, "killed while the generation grows", C),
    16: (KILLS, "five kills in recovery", C),
    17: (KILLS, "SIGTERM in flight", "test_stopped_in_the_middle_of_an_upload_it_finishes_that_and_begins_nothing_new"),
    18: (NETWORK, "the name is not known", "test_an_unknown_name_is_not_sent"),
    19: (NETWORK, "refused, connect time-out", C),
    20: (NETWORK, "TLS expired, wrong host", "test_a_certificate_for_another_host_is_not_sent"),
    21: (NETWORK, "reset mid-body", C),
    22: (NETWORK, "the server dies before its commit", C),
    23: (NETWORK, "the server dies after its commit, before its key is stored", C),
    24: (NETWORK, "committed, reply lost", C),
    25: (NETWORK, "time-out, the server finishes later", C),
    26: (NETWORK, "slow headers", "test_a_trickled_reply_is_in_doubt_at_the_deadline"),
    27: (NETWORK, "slow body", "test_a_trickled_reply_is_in_doubt_at_the_deadline"),
    28: (NETWORK, "the server stops reading", "test_a_server_that_stops_reading_is_in_doubt_at_the_deadline"),
    29: (NETWORK, "body cut, with and without a length", C),
    30: (NETWORK, "stale keep-alive", "test_a_connection_that_the_server_closes_under_the_request_is_in_doubt"),
    31: (NETWORK, "a delayed request lands after the retry", C),
    32: (NETWORK, "partition of a day", C),
    33: (NETWORK, "a proxy repeats the POST", C),
    34: (NETWORK, "another request's answer", "`--with another_answer`: nothing in the reply tells; not survived yet"),
    35: (HTTP, "500 with effect, remembered", C),
    36: (HTTP, "500 without, remembered", C),
    37: (HTTP, "502/503/504 HTML", C),
    38: (HTTP, "200 not JSON", C),
    39: (HTTP, "200 without references or null", C),
    40: (HTTP, "wrong types", C),
    41: (HTTP, "202, 204", C),
    42: (HTTP, "redirect to another host", C),
    43: (HTTP, "400", C),
    44: (HTTP, "401", C),
    45: (HTTP, "403 for all", C),
    46: (HTTP, "403 for one invoice", "test_one_forbidden_invoice_does_not_stop_the_others"),
    47: (HTTP, "404 then there", C),
    48: (HTTP, "404 remembered", C),
    49: (HTTP, "409 unique", C),
    50: (HTTP, "409 in progress", "test_every_other_error_of_the_vendor_is_in_doubt_and_carries_what_may_seal_the_key"),
    51: (HTTP, "429 with absent, absurd, date Retry-After", C),
    52: (HTTP, "413/415/422", C),
    53: (HTTP, "401/429 while in doubt", "test_a_clean_refusal_leaves_an_earlier_send_in_doubt"),
    54: (HTTP, "key forgotten early", "`--with key_forgotten`: outside of assumption A1"),
    55: (HTTP, "listing shifts between pages", "test_a_listing_that_shifts_between_two_pages_says_nothing"),
    56: (HTTP, "listing lags", C),
    57: (HTTP, "listing fails", C),
    58: (HTTP, "publicUrl null, 403, expired", C),
    59: (HTTP, "publicUrl on a foreign host", C),
    60: (HTTP, "the server rewrites bytes", C),
    61: (HTTP, "two remote matches", "test_two_copies_at_abillify_are_a_persons_to_decide"),
    62: (HTTP, "remote deletion", C),
    63: (FILES, "ENOSPC at T1, T3, T4, receipt, move", C),
    64: (FILES, "EACCES read", "test_one_files_trouble_is_told_and_holds_up_no_other"),
    65: (FILES, "EACCES archive", "test_a_folder_without_permission_is_named_with_what_to_do"),
    66: (FILES, "EIO read", "test_one_files_trouble_is_told_and_holds_up_no_other"),
    67: (FILES, "EIO fsync", "test_a_failed_fsync_is_told_once_and_never_retried"),
    68: (FILES, "EXDEV", "test_large_files_are_copied_whole"),
    69: (FILES, "archive name taken", C),
    70: (FILES, "file replaced mid-upload", C),
    71: (FILES, "old writer appends", C),
    72: (FILES, "partial copy, zero bytes", C),
    73: (FILES, "vanishes", C),
    74: (FILES, "symlink escape", "test_symbolic_links_are_not_followed"),
    75: (FILES, "hard link, FIFO, device", "test_pipes_and_sockets_are_never_opened_and_told_once"),
    76: (FILES, "folder swapped for a symlink", "not produced: no test swaps a folder while it is walked"),
    77: (FILES, "hostile names", C),
    78: (FILES, "events dropped", "test_polling_finds_files_without_events"),
    79: (FILES, "inbox unmounted, read-only", "test_an_inbox_that_is_gone_is_never_an_empty_one"),
    80: (FILES, "power loss reorders what was not synced", "not produced: wants a block device that forgets writes"),
    81: (LEDGER, "busy beyond the time-out", C),
    82: (LEDGER, "busy snapshot", "not produced: every write begins with BEGIN IMMEDIATE, so there is none to refuse"),
    83: (LEDGER, "full mid-transaction", C),
    84: (LEDGER, "error at COMMIT", C),
    85: (
        LEDGER,
        "PostgreSQL connection lost at COMMIT",
        "`test_a_connection_that_is_lost_at_any_message_changes_nothing`",
    ),
    86: (LEDGER, "deadlock, serialisation failure", "`test_importers_that_lock_one_another_out_both_get_through`"),
    87: (LEDGER, "failover to a lagging replica", "`test_a_server_that_has_forgotten_an_upload_is_not_believed`"),
    88: (LEDGER, "restored, 1 h old", C),
    89: (LEDGER, "restored, 2 days old", C),
    90: (LEDGER, "restored, 30 days old", C),
    91: (LEDGER, "deleted", C),
    92: (LEDGER, "WAL missing or foreign", C + "; a foreign one is not produced"),
    93: (LEDGER, "corrupt page", "test_a_ledger_that_is_damaged_stops_everything"),
    94: (LEDGER, "schema newer or older", "test_a_ledger_of_another_version_is_refused"),
    95: (LEDGER, "SQLite on NFS or SMB", "not produced: wants a network file system"),
    96: (MANY, "two processes, one inbox", C),
    97: (MANY, "two hosts, one ledger", "`make campaign-postgres` (docs/scaling.md)"),
    98: (MANY, "two hosts, two ledgers", "not produced: the second host would have to look before each first send"),
    99: (MANY, "lease expires mid-POST", C),
    100: (MANY, "suspended between claim and T3", C),
    101: (MANY, "suspended between T3 and send for 2 h", C),
    102: (MANY, "the same for 40 h", C),
    103: (MANY, "clock +48 h", C),
    104: (MANY, "clock -48 h", C),
    105: (MANY, "the server's Date is wrong", C),
    106: (PEOPLE, "same bytes, new name", C),
    107: (PEOPLE, "at the same moment", "test_the_same_document_at_the_same_moment_from_many_threads_is_admitted_once"),
    108: (PEOPLE, "same bytes, other invoice", C),
    109: (PEOPLE, "same name, other bytes", C),
    110: (PEOPLE, "PDF bomb, hang, crash", "test_a_document_that_takes_too_much_processor_time_is_too_complex"),
    111: (PEOPLE, "EML bomb", "test_parts_within_parts_without_end_are_too_complex"),
    112: (PEOPLE, "10 000 at once", "not produced: only 100 at once, in test_many_at_once_are_each_stored_once"),
    113: (PEOPLE, "rules edited in flight", "test_a_rejected_file_is_judged_anew_by_new_rules"),
    114: (PEOPLE, "`retry` twice", C),
    115: (PEOPLE, "credentials rotated in flight", C),
}

HEAD = """\
# Faults

Every fault of the protocol's list, the invariants that it threatens, and where it is produced. Made by
`python -m tests.campaign --write-docs`; do not edit. The last column is how often a run of {seeds} schedules met it.

| no. | fault | invariants | produced by | times |
| --- | --- | --- | --- | --- |
"""


def rendered(hits, seeds):
    """docs/faults.md, with the counts of a run."""
    rows = []
    for number, (invariants, fault, where) in FAULTS.items():
        shown = f"`{where}`" if where.startswith("test_") else where
        times = hits.get(number, 0) if where.startswith(C) else ""
        rows.append(f"| {number} | {fault} | {invariants} | {shown} | {times} |")
    return HEAD.format(seeds=seeds) + "\n".join(rows) + "\n"
