"""How Sphinx builds these pages."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from ftptls import __version__  # noqa: E402

project = "ftptls"
author = "the ftptls authors"
project_copyright = "the ftptls authors"
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "ftptls_bench",
    "ftptls_cli",
    "ftptls_curves",
    "ftptls_guarantees",
    "ftptls_reference",
    "ftptls_register",
    "ftptls_compliance",
    "ftptls_rooms",
]
exclude_patterns = ["_build", "newsfragments"]
nitpicky = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "alabaster"
html_theme_options = {"description": "FTP over TLS for Twisted", "page_width": "1000px"}
html_copy_source = False
