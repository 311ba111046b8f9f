"""Pictures of the tutorials: one style, vector output, and a description for each."""

from __future__ import annotations

from pathlib import Path

from sphinx.errors import ExtensionError
from sphinx_gallery.scrapers import figure_rst

STYLE = Path(__file__).resolve().parent.parent / "graphlab.mplstyle"


def use_style(gallery_conf, file):
    """Set the style before each tutorial."""
    import matplotlib.pyplot as plt

    plt.rcdefaults()
    plt.style.use(STYLE)


def _get_sg_image_scraper():
    return save_figures


def save_figures(block, block_vars, gallery_conf):
    """Save the open figures as SVG; ``fig.set_label`` holds what a reader who cannot see needs."""
    import matplotlib.pyplot as plt

    made = []
    # numbers first: asking the iterator for a path uses one up
    for number, path in zip(
        plt.get_fignums(), block_vars["image_path_iterator"], strict=False
    ):
        figure = plt.figure(number)
        description = figure.get_label()
        if not description:
            raise ExtensionError(
                f"{block_vars['src_file']}: a figure has no set_label(...)."
            )
        target = Path(path).with_suffix(".svg")
        figure.savefig(target, metadata={"Date": None})
        made.append(figure_rst([target], gallery_conf["src_dir"], description))
    plt.close("all")
    return "".join(made)
