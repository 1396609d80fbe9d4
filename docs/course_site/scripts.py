"""The scripts and styles that a page loads, by what stands in it."""

NEEDED = {  # What the page's HTML holds: what it loads then
    "<strong>Predict:</strong>": ("predict.js",),
    'class="answer-here"': ("answer.js",),
    'class="nnlab-explorer"': ("explorers.css", "explorers.js"),
    'class="nnlab-drawing"': ("draw.css", "draw.js"),
}


def load_where_needed(app, pagename, templatename, context, doctree):
    """Add to a page what it needs, and nothing else."""
    found = (names for mark, names in NEEDED.items() if mark in context.get("body", ""))
    for name in (name for names in found for name in names):
        if name.endswith(".css"):
            app.add_css_file(name)
        else:
            app.add_js_file(name, loading_method="defer")


def setup(app):
    """Register the extension."""
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
