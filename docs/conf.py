"""How `make docs` makes a site of these pages; nothing of it is fetched from anywhere when somebody looks at it."""

from sphinx.application import Sphinx

project = "importer"
author = ""
copyright = ""  # noqa: A001 - Sphinx's name for it
html_title = "importer"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# A block without a language is shown as it stands: commands, mostly.
highlight_language = "none"
nitpicky = True

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """The README is a page of the site too: what it calls `docs/x` is `x` here."""
    app.connect("include-read", _with_links_from_here)


def _with_links_from_here(app: Sphinx, path: object, parent: str, content: list[str]) -> None:  # noqa: ARG001 - Sphinx's
    content[0] = content[0].replace("](docs/", "](").replace("](config/", "](../config/")
