"""Explorers: the state, the picture, the words; with widgets, without, and in JupyterLab."""

import io
import subprocess
import sys

import ipywidgets
import matplotlib.pyplot as plt
import pytest
from ipywidgets.widgets.widget import _instances
from lab_browser import open_notebook, run_cell, write_notebook
from PIL import Image
from playwright.sync_api import expect

from nnlab_course.explorers.base import Explorer, widgets_wanted

pytestmark = pytest.mark.usefixtures("with_widgets")

WIDGET = "application/vnd.jupyter.widget-view+json"


class Line(Explorer):
    """The least there can be."""

    title = 'A line, with "quotes"'

    def draw(self, figure):
        figure.subplots().axhline(self.state["height"])

    def describe(self):
        return f"height <{self.state['height']:.2f}>"

    def controls(self):
        self.slider = ipywidgets.FloatSlider(self.state["height"], min=-1, max=1)
        return [self.link("height", self.slider)]


def test_is_a_picture_and_a_widget():
    bundle = Line(height=0.5)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", WIDGET}
    assert bundle["text/plain"] == "Line(height=0.5)"
    assert Image.open(io.BytesIO(bundle["image/png"])).size == (650, 300)


def test_is_a_picture_alone_where_nobody_moves_it(monkeypatch):
    monkeypatch.setenv("NNLAB_STATIC", "1")
    line, before = Line(height=0.5), len(_instances)
    assert set(line._repr_mimebundle_()) == {"text/plain", "image/png"}
    assert len(_instances) == before


def test_is_a_picture_alone_without_ipywidgets():
    code = """
import sys
sys.modules["ipywidgets"] = None  # as if it weren't installed
from nnlab_course.explorers.base import Explorer
class Line(Explorer):
    def draw(self, figure):
        figure.subplots()
print(*Line(height=1)._repr_mimebundle_())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["text/plain", "image/png"]


def test_the_screen_follows_the_slider_and_the_code():
    line = Line(height=0.5)
    line._repr_mimebundle_()
    view = line._view
    first = view.children[1].value
    line.slider.value = -0.25
    assert line.state["height"] == -0.25
    second = view.children[1].value
    assert first != second
    assert "A line, with &quot;quotes&quot;" in second
    assert "height &lt;-0.25&gt;" in view.children[2].value
    line.set(height=0.75)
    assert line.slider.value == 0.75
    assert "height &lt;0.75&gt;" in view.children[2].value


def test_draws_once_for_a_change(monkeypatch):
    line = Line(height=0.5)
    line._repr_mimebundle_()
    drawn = []
    monkeypatch.setattr(line, "draw", lambda figure: drawn.append(dict(line.state)))
    line.slider.value = 0
    line.set(height=0)
    line.set(height=1)
    assert drawn == [{"height": 0}, {"height": 1}]


def test_refuses_an_unknown_name_and_changes_nothing():
    line = Line(height=0.5)
    with pytest.raises(ValueError, match="no colour here; there is height"):
        line.set(colour="red", height=1)
    assert line.state == {"height": 0.5}


def test_leaks_no_figure():
    line = Line(height=0.5)
    line._repr_mimebundle_()
    for height in (0.1, 0.2, 0.3):
        line.set(height=height)
    assert plt.get_fignums() == []


def test_closing_leaves_no_widget_and_no_observer():
    before = set(_instances)
    line = Line(height=0.5)
    line._repr_mimebundle_()
    slider = line.slider
    assert len(_instances) > len(before) + 4
    line.close()
    assert set(_instances) == before
    slider.value = -1
    assert line.state["height"] == 0.5
    assert WIDGET in line._repr_mimebundle_()  # and can be shown again
    line.close()


@pytest.mark.parametrize(("static", "wanted"), [("1", False), ("0", True), ("", True)])
def test_the_variable(monkeypatch, static, wanted):
    monkeypatch.setenv("NNLAB_STATIC", static)
    assert widgets_wanted() is wanted


NEWTON = """
import ipywidgets
from ipywidgets.widgets.widget import _instances
from nnlab_course.explorers.base import Explorer

class Line(Explorer):
    title = "A line"
    def draw(self, figure):
        figure.subplots().axhline(self.state["height"])
    def describe(self):
        return f"at {self.state['height']:.1f}"
    def controls(self):
        slider = ipywidgets.FloatSlider(self.state["height"], min=-1, max=1, description="height")
        return [self.link("height", slider)]
"""


def test_a_cell_that_is_run_again_leaves_nothing_behind(lab):
    cells = [NEWTON, "line = Line(height=0.5)\nline", "print(len(_instances), 'widgets')"]
    with open_notebook(lab, write_notebook(lab[2], "again.ipynb", *cells)) as page:
        counts = []
        for _ in range(3):
            shown = run_cell(page, "line = Line")
            expect(shown.locator("img[alt='A line']")).to_be_visible()
            expect(shown.locator(".widget-slider")).to_have_count(1)
            counts.append(run_cell(page, "print(len(_instances)").inner_text())
        assert "widgets" in counts[0]
        assert len(set(counts)) == 1, counts
        run_cell(page, "line = Line").locator(".noUi-handle").focus()
        picture = page.locator("img[alt='A line']")
        before = picture.get_attribute("src")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("status")).to_have_text("at 0.6")
        assert picture.get_attribute("src") != before
