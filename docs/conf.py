"""Settings of the documentation; `make docs` builds it without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "extensions"))
os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # tutorials: same numbers whatever the machine

from graphlab import __version__

project = "graphlab"
author = "The graphlab authors"
project_copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "mathml",
    "metric_names",
    "public_api",
    "cards",
    "offline",
]
exclude_patterns = [
    "_build",
    "tutorials/*.rst",
    "tutorials/*.py",
    "methods/*_results.md",
]
root_doc = "index"
suppress_warnings = [
    "ref.python",  # one class name in two modules: the nearer one is linked
    "sphinx_gallery.duplicate_filename",  # the gallery is written below the tutorials' folder
]

# formulas
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# reference
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 84
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shapes", "Cost"]
napoleon_use_ivar = True
napoleon_use_rtype = False
viewcode_line_numbers = True

# citations
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

# tutorials
sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "tutorials/generated",
    "nested_sections": False,
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"/plot_",
    "image_scrapers": ("pictures",),
    "reset_modules": ("matplotlib", "pictures.use_style"),
    "capture_repr": ("_repr_html_",),
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 1,
}

# page
html_theme = "furo"
html_title = f"graphlab {release}"
html_static_path = ["_static"]
html_css_files = ["graphlab.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
