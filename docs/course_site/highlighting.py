"""Lean pages: colour what carries meaning in code, and leave the rest without a tag.

Pygments wraps every name, dot and bracket, which makes a lesson three times as heavy.
"""

from html import escape

from pygments.formatters import HtmlFormatter
from pygments.token import STANDARD_TYPES, Comment, Generic, Keyword, Name, Number, Operator, String
from sphinx.highlighting import PygmentsBridge

# The first ancestor of a token that is here gives it its class; others stay plain.
COLOURED = (
    *(Comment, Keyword, Number, Operator.Word, String),
    *(Name.Builtin, Name.Class, Name.Decorator, Name.Exception, Name.Function, Name.Tag),
    *(Generic.Error, Generic.Prompt, Generic.Traceback),
)


def css_class(kind) -> str:
    """Return the class of a kind of token, or nothing."""
    while kind is not None:
        if kind in COLOURED:
            return STANDARD_TYPES[kind]
        kind = kind.parent
    return ""


class LeanFormatter(HtmlFormatter):
    """Write the tags that `COLOURED` asks for, one for neighbours of one kind."""

    def format_unencoded(self, tokens, outfile):
        """Write highlighted code as `HtmlFormatter` would, but with fewer tags."""
        pieces = []
        for kind, text in tokens:
            name = css_class(kind)
            if pieces and (pieces[-1][0] == name or not text.strip()):
                pieces[-1][1].append(text)
            else:
                pieces.append((name, [text]))
        outfile.write(f'<div class="{self.cssclass}"><pre>')
        for name, texts in pieces:
            text = escape("".join(texts), quote=False)
            outfile.write(f'<span class="{name}">{text}</span>' if name else text)
        outfile.write("</pre></div>\n")


def setup(app):
    """Register the extension."""
    PygmentsBridge.html_formatter = LeanFormatter
    return {"parallel_read_safe": True, "parallel_write_safe": True}
