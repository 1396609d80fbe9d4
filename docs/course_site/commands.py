"""The page of the command line: the examples in the help of a command are code to copy."""


def show_examples_as_code(app, ctx, lines):
    """Make blocks of code of the indented lines in what click leaves as it is (after `\\b`)."""
    kept, in_code = [], False
    for line in lines:
        text = line.removeprefix("| ") if line.startswith("| ") else line
        is_code = line != text and text.startswith("    ")
        if is_code != in_code:
            kept += ["", ".. code-block:: shell", ""] if is_code else [""]
        kept.append(text)
        in_code = is_code
    lines[:] = kept


def protect_stars(app, context, lines):
    """Keep the stars in the help of commands, as in `part-*.json`, from becoming emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app):
    """Register the extension."""
    app.setup_extension("sphinx_click")
    app.connect("sphinx-click-process-description", show_examples_as_code)
    app.connect("sphinx-click-process-description", protect_stars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
