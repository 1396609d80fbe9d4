"""A picture with controls beside it, redrawn in Python"""

# A plain module, edited here.

import base64
import gc
import html
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nnlab_course.explorers.base import _close_earlier, widgets_wanted

if TYPE_CHECKING:
    from ipywidgets import Widget


class Redrawn:
    """A picture with controls that redraw it; where widgets are absent, the picture alone.

    Show it by naming it in the last line of a cell. `set` changes it from code. A subclass fills
    `state` and defines `draw`, `describe` and `controls`.
    """

    title = ""  # What the picture shows, for who can't see it
    figsize = (6.5, 3.0)  # Inches
    package = "ipywidgets"  # What the controls are made of

    def __init__(self, **state: Any):
        self.state = state
        self._linked: dict[str, Widget] = {}
        self._view: Widget | None = None

    def __repr__(self) -> str:
        state = ", ".join(f"{name}={value!r}" for name, value in self.state.items())
        return f"{type(self).__name__}({state})"

    def draw(self, figure: Figure) -> None:
        """Draw the state on an empty figure, quickly: a layout engine takes as long as the rest."""
        raise NotImplementedError

    def describe(self) -> str:
        """Put the state into words and numbers, in a sentence or two."""
        raise NotImplementedError

    def controls(self) -> "list[Widget]":
        """Build the widgets, from top to bottom; tie each to an entry of the state by `link`."""
        raise NotImplementedError

    def link(
        self,
        name: str,  # An entry of the state
        widget: "Widget",  # With a `value`
    ) -> "Widget":  # The same
        """Let a widget's value and an entry of the state follow each other."""
        self._linked[name] = widget
        widget.observe(lambda change: self.set(**{name: change.new}), "value")
        return widget

    def set(
        self,
        **changes: Any,  # New values of entries of the state
    ) -> None:
        """Change the state; what is on the screen follows.

        **Raises:** `ValueError` for a name that the state doesn't have.
        """
        if unknown := sorted(changes.keys() - self.state.keys()):
            raise ValueError(f"no {', '.join(unknown)} here; there is {', '.join(self.state)}")
        if all(self.state[name] == value for name, value in changes.items()):
            return  # a widget that reports what it was just told
        self.state |= changes
        for name in changes.keys() & self._linked.keys():
            self._linked[name].value = self.state[name]
        if self._view is not None:
            self.refresh()

    def picture(
        self,
        dpi: int = 100,  # Pixels per inch
    ) -> bytes:  # A PNG
        """Draw the state, and return the picture."""
        figure, file = Figure(self.figsize, dpi=dpi), io.BytesIO()
        self.draw(figure)
        # Not savefig, which draws everything twice.
        FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})
        # A figure is full of cycles. Left to the collector's last generation, they would stop a
        # slider for a third of a second now and then.
        del figure
        gc.collect(1)
        return file.getvalue()

    def refresh(self) -> None:
        """Bring the picture on the screen up to the state."""
        source = base64.b64encode(self.picture(dpi=150)).decode()
        style = f"width: {100 * self.figsize[0]:.0f}px; max-width: 100%"
        # Decoded at once: otherwise the picture would be gone for a moment at every change.
        tag = f'<img alt="{html.escape(self.title)}" style="{style}" decoding="sync"'
        self._picture.value = f'{tag} src="data:image/png;base64,{source}">'
        self._words.value = f'<div role="status">{html.escape(self.describe())}</div>'

    def close(self) -> None:
        """Take the explorer off the screen, with all its widgets and what observed them."""
        view, self._view, self._linked = self._view, None, {}
        for widget in _family(view) if view is not None else ():
            widget.unobserve_all()
            widget.close()

    def _build(self) -> "Widget":
        import ipywidgets  # takes a while, and whoever shows no explorer doesn't need it

        self._picture, self._words = ipywidgets.HTML(), ipywidgets.HTML()
        children = [*self.controls(), self._picture, self._words]
        self.refresh()
        return ipywidgets.VBox(children)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        bundle = {"text/plain": repr(self), "image/png": self.picture()}
        if widgets_wanted(self.package):
            _close_earlier(self)
            self._view = self._view or self._build()
            view = {"version_major": 2, "version_minor": 0, "model_id": self._view.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle


def _family(widget: "Widget") -> "Iterator[Widget]":
    """Yield a widget and everything that belongs to it: children, layouts, styles."""
    from ipywidgets import Widget

    for value in widget.trait_values().values():
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Widget):
                yield from _family(part)
    yield widget
