"""The reason file beside a document that needs a person: for a clerk first in German, then in English."""

from collections.abc import Mapping

from importer.core.model import Document, Kind, Reason, State
from importer.core.person import ACCEPTABLE, DISMISSED

_AGAIN = "erneut in den Eingangsordner legen"
_RENAME = f"Bitte die Datei umbenennen, z. B. „Rechnung_RE12345.pdf“ oder „1. Mahnung RE12345.pdf“, und {_AGAIN}."
_EXPORT = f"Bitte die Datei noch einmal exportieren und {_AGAIN}."
_SAVE_MAIL = f"Bitte die vollständige Nachricht noch einmal als .eml speichern und {_AGAIN}."
_LOOK = "Bitte die Datei ansehen. Ist sie in Ordnung, kann sie freigegeben werden; sonst bitte neu exportieren."
_WHOSE = (
    "Bitte ansehen, zu welcher Rechnung das Dokument gehört. Stimmt der Dateiname, kann es freigegeben werden; sonst "
    f"bitte verwerfen, die Datei umbenennen und {_AGAIN}."
)
_UNCLEAR = (
    "Aus dem Dateinamen geht nicht eindeutig hervor, zu welcher Rechnung das Dokument gehört oder um welche Art es "
    "sich handelt."
)
_COMPARE = (
    "Bitte beide Dokumente vergleichen. Soll dieses zusätzlich übernommen werden, bitte freigeben, sonst verwerfen."
)

GERMAN: Mapping[str, tuple[str, str]] = {
    # the name
    "unusual_batch": (
        "Diese Datei kam mit auffällig vielen anderen für dieselbe Rechnung, oder nur eine Auffangregel verstand sie.",
        "Bitte prüfen, ob Namen und Regeln stimmen, und dann über alle zusammen entscheiden.",
    ),
    "invoice_paid": (
        "Die Rechnung ist in Abillify bereits bezahlt oder storniert; Mahnungen dazu werden nicht verschickt.",
        "Bitte die Rechnung in Abillify ansehen. Soll das Schreiben trotzdem übernommen werden, bitte freigeben.",
    ),
    "no_rule": ("Der Dateiname passt zu keiner Regel; Rechnungsnummer und Art sind nicht zu erkennen.", _RENAME),
    "ambiguous": (_UNCLEAR, _RENAME),
    "unreadable_name": ("Der Dateiname lässt sich nicht lesen.", _RENAME),
    "name_not_utf8": ("Der Dateiname enthält Zeichen in falscher Kodierung (kein UTF-8).", _RENAME),
    "name_control_characters": ("Der Dateiname enthält Steuerzeichen.", _RENAME),
    "name_direction_override": ("Der Dateiname enthält Zeichen, die die Schreibrichtung umkehren.", _RENAME),
    "name_path_separator": ("Der Dateiname enthält einen Schrägstrich (/ oder \\).", _RENAME),
    "name_too_long": ("Der Dateiname ist zu lang.", f"Bitte den Namen kürzen und die Datei {_AGAIN}."),
    "name_empty_stem": ("Vor der Dateiendung steht kein Name.", _RENAME),
    # the file
    "empty_file": ("Die Datei ist leer (0 Byte).", _EXPORT),
    "too_large": (
        "Die Datei ist größer als erlaubt.",
        "Bitte eine kleinere Datei liefern oder die Grenze (documents.max_size) erhöhen lassen.",
    ),
    "unsupported_type": (
        "Dieser Dateityp kann nicht übernommen werden, nur PDF (.pdf) und E-Mail (.eml).",
        f"Bitte als PDF exportieren und {_AGAIN}.",
    ),
    "extension_mismatch": (
        "Die Dateiendung passt nicht zum Inhalt.",
        f"Bitte die Endung berichtigen und die Datei {_AGAIN}.",
    ),
    "not_a_pdf": (
        "Der Name endet auf .pdf, der Inhalt ist aber kein PDF.",
        f"Bitte die Datei noch einmal als PDF exportieren oder den Dateinamen berichtigen und sie {_AGAIN}.",
    ),
    "not_an_email": (
        "Der Name endet auf .eml, der Inhalt ist aber keine E-Mail.",
        f"Bitte die Nachricht noch einmal als .eml speichern oder den Dateinamen berichtigen und die Datei {_AGAIN}.",
    ),
    "outlook_message": (
        "Das ist eine Nachricht im Outlook-Format (.msg).",
        f"Bitte als .eml oder als PDF speichern und {_AGAIN}.",
    ),
    "mailbox": (
        "Das ist ein ganzes Postfach (mbox).",
        f"Bitte die einzelne Nachricht als .eml speichern und {_AGAIN}.",
    ),
    "probe_crashed": ("Die Prüfung der Datei ist abgestürzt; ihr Inhalt ist fehlerhaft oder bösartig.", _EXPORT),
    "too_complex": ("Die Prüfung der Datei hat zu viel Zeit oder Speicher gebraucht.", _EXPORT),
    "file_unreadable": ("Die Datei lässt sich nicht lesen.", "Bitte die Zugriffsrechte und den Datenträger prüfen."),
    "file_gone": (
        "Die Datei ist nicht mehr da oder hat inzwischen einen anderen Inhalt.",
        f"Bitte die Datei in der Sicherung suchen und {_AGAIN}.",
    ),
    # PDF
    "truncated": ("Das Ende des PDF fehlt; das Dokument ist unvollständig.", _EXPORT),
    "unreadable_pdf": ("Das PDF lässt sich nicht öffnen.", _EXPORT),
    "no_pages": ("Das PDF hat keine Seiten.", _EXPORT),
    "encrypted": (
        "Der Inhalt ist nur mit Kennwort oder Schlüssel lesbar.",
        f"Bitte unverschlüsselt exportieren und {_AGAIN}.",
    ),
    # e-mail
    "unreadable_email": ("Die E-Mail lässt sich nicht lesen.", _SAVE_MAIL),
    "no_sender": ("Die E-Mail hat keinen Absender; sie ist ein Entwurf oder nur ein Teil.", _SAVE_MAIL),
    "no_date": ("Die E-Mail hat kein lesbares Datum; sie ist ein Entwurf oder nur ein Teil.", _SAVE_MAIL),
    "no_content": ("Die E-Mail hat weder Text noch Anhang.", _SAVE_MAIL),
    # both
    "damaged": ("Die Datei ist beschädigt, lässt sich aber noch öffnen.", _LOOK),
    "active_content": ("Die Datei enthält etwas, das von selbst ablaufen könnte (Skript, Programm).", _LOOK),
    "einvoice_mismatch": ("Die E-Rechnung im PDF nennt eine andere Rechnung oder Art als der Dateiname.", _WHOSE),
    "einvoice_unreadable": ("Die E-Rechnung im PDF lässt nicht erkennen, welche Rechnung sie ist.", _WHOSE),
    "reference_not_in_text": ("Die Rechnungsnummer aus dem Dateinamen steht nicht im Text des PDF.", _WHOSE),
    "no_text_layer": (
        "Das PDF enthält keinen Text (ein Scan), deshalb lässt sich die Rechnungsnummer darin nicht prüfen.",
        _WHOSE,
    ),
    # what is known already
    "duplicate": (
        "Das ist ein Duplikat; es wurde nicht noch einmal übernommen.",
        "Es ist nichts zu tun.",
    ),
    "revision": ("Zu dieser Rechnung gibt es bereits ein Dokument dieser Art mit anderem Inhalt.", _COMPARE),
    "same_bytes_elsewhere": ("Dieselbe Datei ist bereits unter einer anderen Rechnung oder Art bekannt.", _COMPARE),
    # Abillify
    "refused_by_api": (
        "Abillify hat das Dokument abgelehnt; der Grund steht unten auf Englisch.",
        "Bitte die Ursache beheben und danach erneut versuchen (Befehl unten).",
    ),
    "forbidden_for_invoice": (
        "Der verwendete API-Zugang darf in Abillify nicht auf diese Rechnung zugreifen.",
        "Bitte den Zugriff auf die Rechnung freischalten lassen und danach erneut versuchen (Befehl unten).",
    ),
    "waiting_too_long": (
        "Abillify kennt diese Rechnung auch nach langem Warten nicht.",
        "Bitte die Rechnungsnummer prüfen. Ist die Rechnung da, erneut versuchen (Befehl unten).",
    ),
    "readback_unclear": (
        "Das Dokument wurde vielleicht schon übertragen; die Dokumentenliste in Abillify lässt das nicht erkennen.",
        "Bitte in Abillify nachsehen und dann mitteilen, ob das Dokument dort ist.",
    ),
    "keeps_failing": (
        "Abillify ist bei diesem Dokument immer wieder gescheitert und hat es nicht.",
        "Bitte bei Abillify nach dem Grund fragen und danach erneut versuchen (Befehl unten).",
    ),
    "internal_error": (
        "Der Importer selbst ist an diesem Dokument gescheitert.",
        "Bitte den Fehler mit dem Protokoll melden und danach erneut versuchen (Befehl unten).",
    ),
    "dismissed": ("Jemand hat entschieden, dass dieses Dokument nicht übernommen wird.", "Es ist nichts zu tun."),
}
"""What happened, and what to do next, by the code of the reason."""

_UNKNOWN = (
    "Dieses Dokument konnte nicht von selbst übernommen werden; der Grund steht unten auf Englisch.",
    "Bitte den Grund beheben und danach erneut versuchen (Befehl unten).",
)
_OTHER = {
    "duplicate": "Dasselbe Dokument ist bereits als {} bekannt.",
    "revision": "Das vorhandene Dokument ist {}.",
    "same_bytes_elsewhere": "Die bekannte Datei ist {}.",
}
_SIDE_BY_SIDE = "E-Rechnung: Nummer {number}, Typ {type_code}. Dateiname: {reference}, {kind}."
_GERMAN_KINDS: Mapping[Kind, str] = {
    Kind.INVOICE: "Rechnung",
    Kind.CREDITNOTE: "Gutschrift",
    Kind.REMINDER: "Zahlungserinnerung",
    Kind.DUNNING1: "1. Mahnung",
    Kind.DUNNING2: "2. Mahnung",
    Kind.DUNNING3: "3. Mahnung",
    Kind.DUNNING4: "4. Mahnung",
    Kind.LETTER: "Brief",
    Kind.EMAIL: "E-Mail",
}
_COMMANDS = {
    "show": ("vollständiger Verlauf", "the whole story"),
    "retry": ("erneut versuchen, wenn die Ursache behoben ist", "try again once the cause is mended"),
    "resolve {} --accept": ("trotzdem übernehmen", "import it all the same"),
    "resolve {} --imported": ("das Dokument ist in Abillify", "the document is in Abillify"),
    "resolve {} --not-imported": ("das Dokument ist nicht in Abillify", "the document is not in Abillify"),
    "resolve {} --dismiss": (
        "nicht übernehmen; niemand wird mehr gefragt",
        "do not import it; nobody is asked any more",
    ),
}
_WHERE = (
    "(im Ordner der Konfiguration auszuführen, z. B. /srv/importer, oder mit --config)",
    "(to be run in the folder of the configuration, e.g. /srv/importer, or with --config)",
)
_WANTS_A_NEW_FILE = frozenset(
    {
        *("name_not_utf8", "name_control_characters", "name_direction_override", "name_path_separator"),
        *("name_too_long", "name_empty_stem", "unreadable_name", "empty_file", "unsupported_type"),
        *("extension_mismatch", "not_a_pdf", "not_an_email", "outlook_message", "mailbox", "truncated"),
        *("unreadable_pdf", "no_pages", "encrypted", "unreadable_email", "no_sender", "no_date", "no_content"),
    }
)
"""Reasons for which the same file under the same name can only fail again."""


def reason_text(reason: Reason, document: Document) -> str:
    """The whole text; the lines of a name that has line breaks stay one line."""
    todo = GERMAN.get(reason.code, _UNKNOWN)[1]
    kind = document.kind and _GERMAN_KINDS[document.kind]
    german = _part(
        f"{_name(document)} wurde nicht übernommen.",
        {"Grund": _what(reason), "Zu tun": todo, **_facts(document, kind, ("Rechnung", "Art", "Dokument"))},
        _commands(reason, document, 0),
        _WHERE[0],
    )
    english = _part(
        f"{_name(document)} was not imported.",
        {
            "Reason": reason.message,
            "Code": reason.code,
            **_facts(document, document.kind, ("Invoice", "Kind", "Document")),
        },
        _commands(reason, document, 1),
        _WHERE[1],
    )
    return f"{german}\n{'-' * 72}\n\n{english}"


def german(reason: Reason) -> tuple[str, str]:
    """What happened, and what to do, each in a sentence or two."""
    return _what(reason), GERMAN.get(reason.code, _UNKNOWN)[1]


def _what(reason: Reason) -> str:
    """The German sentence of the reason, and whatever its details name."""
    sentences = [GERMAN.get(reason.code, _UNKNOWN)[0]]
    sentences += [f"Das Wort „{word}“ sagt nicht, um welche Art es sich handelt." for word in _words(reason)]
    other = reason.details.get("first") or reason.details.get("other")
    if other and reason.code in _OTHER:
        sentences.append(_OTHER[reason.code].format(other))
    if reason.code == "einvoice_mismatch" and reason.details:
        sentences.append(_SIDE_BY_SIDE.format_map({**reason.details, "kind": _german_kind(reason)}))
    return " ".join(sentences)


def _german_kind(reason: Reason) -> str:
    return _GERMAN_KINDS[Kind(reason.details["kind"])]


def _words(reason: Reason) -> list[str]:
    return [str(word) for word in reason.details.get("words", ())]


def _name(document: Document) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in document.path)


def _facts(document: Document, kind: str | None, words: tuple[str, str, str]) -> dict[str, str]:
    values = (document.invoice_reference, kind, f"D{document.id}, SHA-256 {document.sha256}")
    return {word: str(value) for word, value in zip(words, values, strict=True) if value is not None}


def _commands(reason: Reason, document: Document, language: int) -> dict[str, str]:
    chosen = ["show"]
    if document.key.in_doubt:
        chosen += ["resolve {} --imported", "resolve {} --not-imported"]
    elif document.state is not State.DUPLICATE and reason.code not in _WANTS_A_NEW_FILE:
        chosen += ["retry"]
    if document.state is State.HELD:
        chosen += ["resolve {} --accept"] if reason.code in ACCEPTABLE else []
    if document.state.needs_person and reason.code != DISMISSED and not document.key.in_doubt:
        chosen += ["resolve {} --dismiss"]
    name = f"D{document.id}"
    return {
        f"importer {verb.format(name) if '{}' in verb else f'{verb} {name}'}": _COMMANDS[verb][language]
        for verb in chosen
    }


def _part(title: str, facts: Mapping[str, str], commands: Mapping[str, str], where: str) -> str:
    lines = [title, ""]
    lines += [f"{word + ':':<10}{value}" for word, value in facts.items()]
    lines += ["", *(f"  {command:<38}{meaning}" for command, meaning in commands.items()), f"  {where}", ""]
    return "\n".join(lines)
