"""Explorers: the state, the picture, the widget and what is stored."""

import io
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

from nnlab_course.explorers.activations import ActivationExplorer
from nnlab_course.explorers.base import STORED, widgets_wanted

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_is_a_picture_and_a_widget(with_widgets):
    explorer = ActivationExplorer()
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", WIDGET}
    assert bundle["text/plain"] == repr(explorer)
    assert Image.open(io.BytesIO(bundle["image/png"])).size == (750, 320)
    assert plt.get_fignums() == []
    explorer.close()


def test_stores_what_the_site_needs_where_nobody_moves_it(monkeypatch):
    monkeypatch.setenv("NNLAB_STATIC", "1")
    explorer, before = ActivationExplorer(x=2), len(_instances)
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", STORED}
    assert bundle[STORED]["name"] == "activations"
    assert bundle[STORED]["state"] == {"function": "tanh", "parameter": None, "x": 2}
    assert len(_instances) == before


@pytest.mark.slow
def test_is_no_widget_without_anywidget():
    code = """
import sys
sys.modules["anywidget"] = None  # as if it weren't installed
from nnlab_course.explorers.activations import ActivationExplorer
print(*ActivationExplorer()._repr_mimebundle_())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["text/plain", "image/png", STORED]


def test_the_screen_follows_the_code_and_the_code_the_screen(with_widgets):
    explorer = ActivationExplorer()
    explorer._repr_mimebundle_()
    view = explorer._view
    explorer.set(x=2.0)
    assert view.state == {"function": "tanh", "parameter": None, "x": 2.0}
    view.state = {"function": "elu", "parameter": 3.0, "x": -1.0}  # as JavaScript does
    assert explorer.state == view.state
    assert "alpha = 3.00, at x = -1.00" in explorer.describe()
    explorer.close()


def test_refuses_an_unknown_name_and_changes_nothing():
    explorer = ActivationExplorer()
    with pytest.raises(ValueError, match="no colour here; there is function, parameter, x"):
        explorer.set(colour="red", x=2.0)
    assert explorer.state["x"] == 1.0


def test_closing_leaves_no_widget(with_widgets):
    before = set(_instances)
    explorer = ActivationExplorer()
    explorer._repr_mimebundle_()
    view = explorer._view
    assert len(_instances) > len(before)
    explorer.close()
    assert set(_instances) == before
    view.state = {"function": "relu", "parameter": None, "x": 0.0}
    assert explorer.state["function"] == "tanh"
    assert WIDGET in explorer._repr_mimebundle_()  # and can be shown again
    explorer.close()


@pytest.mark.parametrize(("static", "wanted"), [("1", False), ("0", True), ("", True)])
def test_the_variable(monkeypatch, static, wanted):
    monkeypatch.setenv("NNLAB_STATIC", static)
    assert widgets_wanted() is wanted
