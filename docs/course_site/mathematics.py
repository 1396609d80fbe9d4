"""Mathematics by the KaTeX in `_static/katex`: quick, offline, with MathML for screen readers."""

from html import escape

from docutils import nodes


def _math(translator, node):
    text = escape(node.astext(), quote=False)
    translator.body.append(f'<span class="math nohighlight">{text}</span>')
    raise nodes.SkipNode


def _display_math(translator, node):
    text = escape(node.astext(), quote=False)
    translator.body.append(f'<div class="math nohighlight">{text}</div>\n')
    raise nodes.SkipNode


def load_where_needed(app, pagename, templatename, context, doctree):
    """Add the scripts to pages with mathematics alone."""
    if doctree is None or not any(doctree.findall(lambda n: isinstance(n, MATH))):
        return
    app.add_css_file("katex/katex.min.css")
    app.add_js_file("katex/katex.min.js", loading_method="defer")
    app.add_js_file("mathematics.js", loading_method="defer")


def keep_from_search(app, doctree):
    """Keep TeX out of the search index."""
    for node in doctree.findall(lambda node: isinstance(node, MATH)):
        node["classes"].append("no-search")


MATH = (nodes.math, nodes.math_block)


def setup(app):
    """Register the extension."""
    app.add_html_math_renderer("katex", (_math, None), (_display_math, None))
    app.connect("doctree-read", keep_from_search)
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
