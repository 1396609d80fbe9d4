"""Predictions: the script that folds the answers until the reader has guessed."""


def load_where_needed(app, pagename, templatename, context, doctree):
    """Add the script to pages that ask for a prediction."""
    if "<strong>Predict:</strong>" in context.get("body", ""):
        app.add_js_file("predict.js", loading_method="defer")


def setup(app):
    """Register the extension."""
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
