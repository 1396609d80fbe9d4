"""A picture that moves, in JupyterLab and on the site; where neither runs, a still one"""

# A plain module, edited here.

import functools
import importlib.util
import io
import os
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from ipywidgets import Widget

# What a notebook stores of an explorer, for the site.
STORED = "application/vnd.nnlab.explorer+json"
_MODULES = ("activations", "autograd", "convolution", "gradients", "moons")


def widgets_wanted(
    package: str = "anywidget",  # What the widget is made of
) -> bool:
    """Tell whether explorers are widgets: it is installed, and `NNLAB_STATIC` isn't 1."""
    return os.environ.get("NNLAB_STATIC") != "1" and bool(importlib.util.find_spec(package))


def read_script(
    host: str,  # "lab.js" or "page.js"
) -> str:
    """Join the JavaScript of the explorers into one file, for JupyterLab or the site."""
    folder = files("nnlab_course.explorers")
    modules = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    blocks = [f"{{\n{module}}}\n" for module in modules]  # a scope for each
    shared = ("common.js", "functions.js", host)
    *first, last = ((folder / name).read_text(encoding="utf-8") for name in shared)
    return "\n".join([*first, *blocks, last])


@functools.cache
def _view_class() -> type:
    """Define the widget; only whoever shows one needs anywidget."""
    import anywidget
    import traitlets

    class View(anywidget.AnyWidget):
        _esm = read_script("lab.js")
        _css = (files("nnlab_course.explorers") / "explorers.css").read_text(encoding="utf-8")
        name = traitlets.Unicode().tag(sync=True)
        data = traitlets.Dict().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)

    return View


class Explorer:
    """A picture with controls, drawn by JavaScript; where that doesn't run, a still picture.

    Show it by naming it in the last line of a cell. `set` changes it from code. A subclass names
    its module in `name`, fills `state`, and defines `draw`, `describe` and `data`.
    """

    name = ""  # Of the JavaScript module
    title = ""  # What the picture shows, for who can't see it
    figsize = (6.5, 3.0)  # Inches
    package = "anywidget"  # What the widget is made of

    def __init__(self, **state: Any):
        self.state = state
        self._view: Widget | None = None

    def __repr__(self) -> str:
        state = ", ".join(f"{name}={value!r}" for name, value in self.state.items())
        return f"{type(self).__name__}({state})"

    def draw(self, figure: Figure) -> None:
        """Draw the state on an empty figure."""
        raise NotImplementedError

    def describe(self) -> str:
        """Put the state into words and numbers, in a sentence or two."""
        raise NotImplementedError

    def data(self) -> dict[str, Any]:
        """Compute what JavaScript draws from; it must fit into JSON."""
        return {"title": self.title}

    def set(
        self,
        **changes: Any,  # New values of entries of the state
    ) -> None:
        """Change the state; what is on the screen follows.

        **Raises:** `ValueError` for a name that the state doesn't have.
        """
        if unknown := sorted(changes.keys() - self.state.keys()):
            raise ValueError(f"no {', '.join(unknown)} here; there is {', '.join(self.state)}")
        self.state |= changes
        if self._view is not None:
            self._view.state = dict(self.state)

    def picture(
        self,
        dpi: int = 100,  # Pixels per inch
    ) -> bytes:  # A PNG
        """Draw the state, and return the picture."""
        figure, file = Figure(self.figsize, dpi=dpi), io.BytesIO()
        self.draw(figure)
        figure.savefig(file, format="png")
        return file.getvalue()

    def close(self) -> None:
        """Take the explorer off the screen, with its widget."""
        view, self._view = self._view, None
        if view is not None:
            view.unobserve_all()
            view.layout.close()
            view.close()

    def _build(self) -> "Widget":
        view = _view_class()(name=self.name, data=self.data(), state=dict(self.state))
        view.observe(self._follow, "state")
        return view

    def _follow(self, change: Any) -> None:
        view, self._view = self._view, None  # what the screen says isn't told to it again
        try:
            self.set(**change.new)
        finally:
            self._view = view

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        bundle = {"text/plain": repr(self), "image/png": self.picture()}
        if widgets_wanted(self.package):
            _close_earlier(self)
            self._view = self._view or self._build()
            view = {"version_major": 2, "version_minor": 0, "model_id": self._view.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        elif self.name:
            bundle[STORED] = {"name": self.name, "state": self.state, "data": self.data()}
        return bundle


_shown: dict[str, tuple[str, list[Explorer]]] = {}  # Cell: the run, and what it has shown


def _close_earlier(explorer: Explorer) -> None:
    """Close what earlier runs of the running cell have shown."""
    from IPython import get_ipython  # there, since something is being shown

    shell = get_ipython()
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = message.get("metadata", {}).get("cellId")
    if cell is None:
        return
    run, shown = _shown.get(cell, ("", []))
    if run != message["header"]["msg_id"]:
        run = message["header"]["msg_id"]
        for earlier in shown:
            if earlier is not explorer:
                earlier.close()
        shown = []
    _shown[cell] = run, [*shown, explorer]
