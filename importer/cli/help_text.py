"""What `importer --help` says, made by `make reference` from `importer/cli/main.py`; a test holds the two together."""

HELP = """\
Usage: importer [OPTIONS] COMMAND [ARGS]...

  Imports PDF and EML documents into Abillify exactly once, and keeps a ledger
  of what went where.

Options:
  --config FILE                   The configuration to use.
  --log-format [console|json]     Default: console on a terminal.
  --log-level [debug|info|warning|error]
  --version                       Show the version and exit.
  -h, --help                      Show this message and exit.

Verbs:
  demo       Show the whole pipeline on sample files, in a throw-away folder.
  init       Write a configuration, an inbox and a systemd drop-in.
  run        Watch the inbox until SIGTERM or SIGINT.
  backfill   One pass over the inbox, or over the given files and trees.
  explain    Say what would happen to a file, and why; sends and writes
             nothing.
  rules      Test the rules, or see what other rules would change.
  status     Counts by state, what is blocked and why.
  list       The documents that the ledger knows.
  show       A document's whole story, by id, path or invoice reference.
  retry      Try documents again now.
  resolve    Record a person's decision about a held or uncertain document.
  invoice    An invoice at Abillify: documents, payments and charges, beside
             the ledger.
  resend     Have Abillify send invoices to their customers again.
  reconcile  Check the ledger against Abillify both ways, and look up what is
             uncertain.
  audit      Which invoices at Abillify lack a document that they should have.
  report     What was imported in a month, for an auditor.
  doctor     Check configuration, credentials, API, clock, folders and ledger.
  ledger     Verify, back up, rebuild or upgrade the ledger.
  dashboard  The operator's page, in a browser.
  sandbox    A local stand-in for the Abillify API, on loopback.

  Examples:
    importer demo
    importer init /srv/importer && cd /srv/importer && importer doctor
    importer explain inbox/*.pdf
    importer show RE-2024-0815

  Exit codes: 0 all well; 1 a fault of ours; 2 wrong usage or configuration; 3
  some documents need a person; 4 some will be tried again later; 5
  credentials refused; 6 another instance holds what only one may hold; 7 the
  ledger needs a person.
"""
