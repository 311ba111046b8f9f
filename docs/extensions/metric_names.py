"""Names such as Hits@20 stay names: docutils takes them for addresses of mail and links them."""

from __future__ import annotations

from docutils import nodes
from sphinx.transforms import SphinxTransform


class PlainNames(SphinxTransform):
    """Replace links to mail by their text; these pages hold no address."""

    default_priority = 750

    def apply(self, **kwargs):
        """Change the document in place."""
        for link in list(self.document.findall(nodes.reference)):
            if link.get("refuri", "").startswith("mailto:"):
                link.replace_self(link.children)


def setup(app):
    """Register the transform."""
    app.add_transform(PlainNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
