"""The reason file beside a document that needs a person: for a clerk first in German, then in English."""

from collections.abc import Mapping

from importer.core.model import Document, Reason, State
from importer.core.person import ACCEPTABLE

_RENAME = "Bitte die Datei richtig benennen und neu in den Eingang legen."
_EXPORT = "Bitte die Datei noch einmal exportieren und neu in den Eingang legen."
_SAVE_MAIL = "Bitte die vollständige Nachricht noch einmal als .eml speichern und neu in den Eingang legen."
_LOOK = "Bitte die Datei ansehen. Ist sie in Ordnung, kann sie freigegeben werden; sonst bitte neu exportieren."

GERMAN: Mapping[str, tuple[str, str]] = {
    # the name
    "no_rule": ("Der Dateiname passt zu keiner Regel; Rechnungsnummer und Art sind nicht zu erkennen.", _RENAME),
    "ambiguous": ("Der Dateiname ist mehrdeutig: Die Regeln nennen verschiedene Rechnungen oder Arten.", _RENAME),
    "unreadable_name": ("Der Dateiname lässt sich nicht lesen.", _RENAME),
    "name_not_utf8": ("Der Dateiname enthält Zeichen in falscher Kodierung (kein UTF-8).", _RENAME),
    "name_control_characters": ("Der Dateiname enthält Steuerzeichen.", _RENAME),
    "name_direction_override": ("Der Dateiname enthält Zeichen, die die Schreibrichtung umkehren.", _RENAME),
    "name_path_separator": ("Der Dateiname enthält einen Schrägstrich (/ oder \\).", _RENAME),
    "name_too_long": ("Der Dateiname ist zu lang.", "Bitte den Namen kürzen und die Datei neu in den Eingang legen."),
    "name_empty_stem": ("Vor der Dateiendung steht kein Name.", _RENAME),
    # the file
    "empty_file": ("Die Datei ist leer (0 Byte).", _EXPORT),
    "too_large": (
        "Die Datei ist größer als erlaubt.",
        "Bitte eine kleinere Datei liefern oder die Grenze (documents.max_size) erhöhen lassen.",
    ),
    "unsupported_type": (
        "Dieser Dateityp kann nicht übernommen werden, nur PDF (.pdf) und E-Mail (.eml).",
        "Bitte als PDF exportieren und neu in den Eingang legen.",
    ),
    "extension_mismatch": ("Die Dateiendung passt nicht zum Inhalt.", "Bitte die Endung berichtigen."),
    "not_a_pdf": ("Der Name endet auf .pdf, der Inhalt ist aber kein PDF.", _EXPORT),
    "not_an_email": ("Der Name endet auf .eml, der Inhalt ist aber keine E-Mail.", _SAVE_MAIL),
    "outlook_message": (
        "Das ist eine Nachricht im Outlook-Format (.msg).",
        "Bitte als .eml oder als PDF speichern und neu in den Eingang legen.",
    ),
    "mailbox": ("Das ist ein ganzes Postfach (mbox).", "Bitte die einzelne Nachricht als .eml speichern."),
    "probe_crashed": ("Die Prüfung der Datei ist abgestürzt; ihr Inhalt ist fehlerhaft oder bösartig.", _EXPORT),
    "too_complex": ("Die Prüfung der Datei hat zu viel Zeit oder Speicher gebraucht.", _EXPORT),
    "file_unreadable": ("Die Datei lässt sich nicht lesen.", "Bitte die Zugriffsrechte und den Datenträger prüfen."),
    "file_gone": (
        "Die Datei ist nicht mehr da oder hat inzwischen einen anderen Inhalt.",
        "Bitte die Datei in der Sicherung suchen und neu in den Eingang legen.",
    ),
    # PDF
    "truncated": ("Das Ende des PDF fehlt; das Dokument ist unvollständig.", _EXPORT),
    "unreadable_pdf": ("Das PDF lässt sich nicht öffnen.", _EXPORT),
    "no_pages": ("Das PDF hat keine Seiten.", _EXPORT),
    "encrypted": ("Das PDF ist nur mit Kennwort lesbar.", "Bitte ohne Kennwort exportieren."),
    # e-mail
    "unreadable_email": ("Die E-Mail lässt sich nicht lesen.", _SAVE_MAIL),
    "no_sender": ("Die E-Mail hat keinen Absender; sie ist ein Entwurf oder nur ein Teil.", _SAVE_MAIL),
    "no_date": ("Die E-Mail hat kein lesbares Datum; sie ist ein Entwurf oder nur ein Teil.", _SAVE_MAIL),
    "no_content": ("Die E-Mail hat weder Text noch Anhang.", _SAVE_MAIL),
    # both
    "damaged": ("Die Datei ist beschädigt, lässt sich aber noch öffnen.", _LOOK),
    "active_content": ("Die Datei enthält etwas, das von selbst ablaufen könnte (Skript, Programm).", _LOOK),
    "einvoice_mismatch": ("Die E-Rechnung nennt eine andere Rechnung oder Art als der Dateiname.", _LOOK),
    # what is known already
    "duplicate": ("Dasselbe Dokument ist schon bekannt; es wurde nicht noch einmal gesendet.", "Es ist nichts zu tun."),
    "revision": ("Zu dieser Rechnung gibt es schon ein Dokument dieser Art mit anderem Inhalt.", _LOOK),
    "same_bytes_elsewhere": ("Dieselbe Datei ist schon unter einer anderen Rechnung oder Art bekannt.", _LOOK),
    # Abillify
    "refused_by_api": (
        "Abillify hat das Dokument abgelehnt; der Grund steht unten auf Englisch.",
        "Bitte die Ursache beheben und dann einen neuen Versuch auslösen.",
    ),
    "forbidden_for_invoice": (
        "Abillify erlaubt dem Zugang diese Rechnung nicht.",
        "Bitte den Zugriff auf die Rechnung freischalten lassen und dann einen neuen Versuch auslösen.",
    ),
    "waiting_too_long": (
        "Abillify kennt diese Rechnung auch nach langem Warten nicht.",
        "Bitte die Rechnungsnummer prüfen. Ist die Rechnung da, einen neuen Versuch auslösen.",
    ),
    "readback_unclear": (
        "Das Dokument wurde vielleicht schon übertragen; Abillifys Liste gibt darüber keine Auskunft.",
        "Bitte in Abillify nachsehen und dann mitteilen, ob das Dokument dort ist.",
    ),
    "uncertain_too_long": (
        "Ob das Dokument übertragen wurde, ist seit langem ungeklärt.",
        "Bitte in Abillify nachsehen und dann mitteilen, ob das Dokument dort ist.",
    ),
    "dismissed": ("Jemand hat entschieden, dass dieses Dokument nicht übernommen wird.", "Es ist nichts zu tun."),
}
"""What happened, and what to do next, by the code of the reason."""

_UNKNOWN = (
    "Dieses Dokument konnte nicht von selbst übernommen werden; der Grund steht unten auf Englisch.",
    "Bitte den Grund beheben und dann einen neuen Versuch auslösen.",
)
_COMMANDS = {
    "show": ("die ganze Geschichte", "the whole story"),
    "retry": ("neuer Versuch, wenn die Ursache behoben ist", "try again once the cause is mended"),
    "resolve {} --accept": ("trotzdem übernehmen", "import it all the same"),
    "resolve {} --imported": ("das Dokument ist in Abillify", "the document is in Abillify"),
    "resolve {} --not-imported": ("das Dokument ist nicht in Abillify", "the document is not in Abillify"),
    "resolve {} --dismiss": ("nicht übernehmen", "do not import it"),
}


def reason_text(reason: Reason, document: Document) -> str:
    """The whole text; the lines of a name that has line breaks stay one line."""
    what, todo = GERMAN.get(reason.code, _UNKNOWN)
    german = _part(
        f"{_name(document)} wurde nicht übernommen.",
        {"Grund": what, "Zu tun": todo, **_facts(document, ("Rechnung", "Art", "Dokument"))},
        _commands(reason, document, 0),
    )
    english = _part(
        f"{_name(document)} was not imported.",
        {"Reason": reason.message, "Code": reason.code, **_facts(document, ("Invoice", "Kind", "Document"))},
        _commands(reason, document, 1),
    )
    return f"{german}\n{'-' * 72}\n\n{english}"


def _name(document: Document) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in document.path)


def _facts(document: Document, words: tuple[str, str, str]) -> dict[str, str]:
    values = (document.invoice_reference, document.kind, f"D{document.id}, SHA-256 {document.sha256}")
    return {word: str(value) for word, value in zip(words, values, strict=True) if value is not None}


def _commands(reason: Reason, document: Document, language: int) -> dict[str, str]:
    chosen = ["show"]
    if document.key.in_doubt:
        chosen += ["resolve {} --imported", "resolve {} --not-imported"]
    elif document.state is not State.DUPLICATE:
        chosen += ["retry"]
    if document.state is State.HELD:
        chosen += ["resolve {} --accept"] if reason.code in ACCEPTABLE else []
        chosen += ["resolve {} --dismiss"]
    name = f"D{document.id}"
    return {
        f"importer {verb.format(name) if '{}' in verb else f'{verb} {name}'}": _COMMANDS[verb][language]
        for verb in chosen
    }


def _part(title: str, facts: Mapping[str, str], commands: Mapping[str, str]) -> str:
    lines = [title, ""]
    lines += [f"{word + ':':<10}{value}" for word, value in facts.items()]
    lines += ["", *(f"  {command:<38}{meaning}" for command, meaning in commands.items()), ""]
    return "\n".join(lines)
