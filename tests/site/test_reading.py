"""What helps a reader: previews, folded plumbing, a short side bar, a note on missing data."""

import importlib
import re

import pytest
from site_samples import PROJECT, build_small, code, lesson_cells, stream

LESSONS = sorted(path.stem for path in (PROJECT / "nbs").glob("*.ipynb"))


def read(page):
    return page.read_text(encoding="utf-8")


def test_a_page_tells_others_what_it_shows(site):
    page = read(site / "01_activations.html")
    picture = re.search(r'"og:image" content="https://\S+/dev/(_images/\w+\.webp)"', page)[1]
    assert (site / picture).is_file()
    assert '<meta property="og:title" content="Activation functions">' in page


def test_plumbing_is_folded_and_the_lesson_is_not(site):
    page = read(site / "01_activations.html")
    folded = re.findall(
        r"<details class=\"admonition hide[^>]*>\s*<summary.*?</details>", page, re.S
    )
    text = re.sub(r"<[^>]+>", "", "".join(folded))
    assert "import torch" in text
    assert "def plot_activations" in text
    assert "def value_and_derivative" not in text


def test_the_side_bar_folds_what_few_look_for(site):
    assert "<details><summary>Behind the lessons</summary>" in read(site / "01_activations.html")
    assert "<details open><summary>Behind" in read(site / "data" / "digits.html")


@pytest.mark.parametrize("lesson", LESSONS)
def test_an_unpublished_solution_names_its_place_on_the_site(site, lesson):
    module = importlib.import_module(f"nnlab_course.checks.{lesson.partition('_')[2]}")
    page = read(site / f"{lesson}.html")
    for exercise in module.EXERCISES:
        name, _, anchor = exercise.solution().page.rpartition("/")[2].partition("#")
        assert name == f"{lesson}.html"
        assert f'id="{anchor}"' in page


def test_a_page_that_was_built_without_its_data_says_so(tmp_path):
    told = "mnist is not here. The course's own digits are used instead: fewer, and easier."
    cells = [*lesson_cells()[:-1], code("load('mnist')", "data", [stream(told)])]
    assert build_small(tmp_path, cells).returncode == 0
    page = read(tmp_path / "html" / "lesson.html")
    assert page.index("the course's own digits, which") < page.index("An orange field")


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_line_of_code_is_cut_at_a_desk(site, browser, lesson):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto((site / f"{lesson}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    cut = "e => e.filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.textContent)"
    assert page.locator("div.highlight pre").evaluate_all(cut) == []
    page.close()
