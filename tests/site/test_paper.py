"""On paper: a lesson prints with its title and without what is folded; a worksheet is one page."""

import re

import pytest
import worksheet
from site_samples import PROJECT

LESSONS = sorted(path.stem for path in (PROJECT / "nbs").glob("*.ipynb"))
FULL = "[full(), document.querySelectorAll('.room').length, room, size]"


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """The sheets of all lessons, as `make worksheets` writes them."""
    folder = tmp_path_factory.mktemp("sheets")
    worksheet.write(PROJECT / "nbs", folder)
    return folder


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(60_000)

    def late(route):  # The fonts of formulas come when all else has been set.
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/*.woff2", late)
    yield page
    page.close()


def pages_of(pdf):
    return len(re.findall(rb"/Type */Page\b", pdf))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_sheet_asks_on_one_page_and_its_partner_answers(sheets, page, lesson):
    page.goto((sheets / f"{lesson}.html").as_uri())
    is_full, asked, room, size = page.evaluate(FULL)
    assert not is_full
    assert room >= 5
    assert size >= 6.5
    assert asked >= 15
    assert page.locator(".katex-error").count() == 0
    assert pages_of(page.pdf(prefer_css_page_size=True)) == 1
    assert 'class="answer"' not in page.inner_html("main")
    text = (sheets / f"{lesson}-answers.html").read_text(encoding="utf-8")
    assert text.count('class="answer"') == asked
    assert "BEGIN SOLUTION" not in text


def test_a_lesson_prints_with_its_title_and_whole_code(site, page):
    page.goto((site / "01_activations.html").as_uri())
    page.emulate_media(media="print")
    assert page.get_by_role("heading", name="Activation functions", level=1).is_visible()
    assert not page.get_by_text("Show the imports").first.is_visible()
    assert not page.get_by_text("Show the worked solution").first.is_visible()
    cut = "e => e.filter(p => p.offsetHeight && p.scrollWidth > p.clientWidth + 1).length"
    assert page.locator("div.highlight pre, .cell_output pre").evaluate_all(cut) == 0
