"""The site in a real browser: by mouse and by key, from a host and from a folder."""

import os
from pathlib import Path

import pytest
from explorer_page import barriers
from handwriting import count_right, draw_by_mouse, write, write_one_by_keys
from playwright.sync_api import expect
from site_browser import MODE_IDS, MODES, PHONE, faults, tab

from nnlab_course.explorers.drawing import load_drawings

LESSON = "01_activations.html"


def test_every_picture_of_a_lesson_comes_and_only_when_it_is_near(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/{LESSON}")
        page.get_by_role("button", name="Show all answers").click()
        pictures = page.locator("article img:not(.nnlab-explorer > *)")
        unloaded = "images => images.filter(image => !image.naturalWidth).length"
        assert pictures.count() >= 5
        assert pictures.evaluate_all(unloaded) > 0
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()
            picture.evaluate("image => image.decode()")
        assert pictures.evaluate_all(unloaded) == 0


def test_the_site_works_from_a_folder(site, browser):
    home = site.as_uri()
    with tab(browser, home) as page:
        page.goto(f"{home}/index.html")
        page.locator("a.course-card").first.click()
        assert page.url == f"{home}/{LESSON}"
        page.locator(".katex").nth(10).wait_for(state="attached")
        fonts = page.evaluate("document.fonts.ready.then(fonts => [...fonts].map(f => f.status))")
        assert "loaded" in fonts
        assert "error" not in fonts
        page.locator(".next-page, a.right-next").first.click()
        assert page.url == f"{home}/02_autograd.html"
        page.goto(f"{home}/search.html?q=asymptote")
        page.locator("ul.search a", has_text="Activation functions").first.click()
        page.locator("span.highlighted").first.wait_for()


def test_search_finds_a_word_and_leads_to_it(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/index.html")
        page.keyboard.press("Control+k")
        page.locator("#pst-search-dialog input").fill("asymptote")
        page.keyboard.press("Enter")
        page.locator("ul.search p.context").first.wait_for()  # an excerpt
        result = page.locator("ul.search a", has_text="Activation functions").first
        result.click()
        assert LESSON in page.url
        page.locator("span.highlighted").first.wait_for()


def test_dark_mode_is_switched_and_kept(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/{LESSON}")

        def background():
            return page.evaluate("getComputedStyle(document.body).backgroundColor")

        light = background()
        page.locator(".theme-switch-button:visible").click()
        page.locator("[data-mode=dark].theme-change-button:visible").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        dark = background()
        assert dark != light
        page.goto(f"{address}/02_autograd.html")
        assert background() == dark
        # Line plots are turned over; other pictures stay on white, and undimmed.
        page.goto(f"{address}/{LESSON}")
        style = "image => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter]"
        pictures = page.locator("article .cell_output .text_html > img")
        plot = pictures.and_(page.locator(".line-plot")).first
        assert plot.evaluate(style)[1] == "invert(1) hue-rotate(180deg)"
        other = pictures.and_(page.locator(":not(.line-plot)")).first
        assert other.evaluate(style) == ["rgb(255, 255, 255)", "none"]


def test_the_copy_button_copies_the_code(address, browser):
    permissions = ["clipboard-read", "clipboard-write"]
    with tab(browser, address, permissions=permissions) as page:
        page.goto(f"{address}/{LESSON}")
        block = page.locator("div.cell_input div.highlight:visible").first
        block.hover()
        block.locator("button.copybtn").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == block.locator("pre").inner_text().strip()
        assert len(copied.splitlines()) > 1


def test_by_keys_alone_one_reaches_the_text(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/{LESSON}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main-content")


def test_a_formula_wider_than_a_phone_scrolls_by_keys(address, browser):
    with tab(browser, address, PHONE) as page:
        page.goto(f"{address}/03_gradients.html")
        wide = "e => e.filter(m => m.scrollWidth > m.clientWidth).map(m => m.tabIndex)"
        assert set(page.locator("div.math").evaluate_all(wide)) == {0}


def test_hints_and_solutions_open(browser, small):
    home = small.as_uri()
    with tab(browser, home) as page:
        page.goto(f"{home}/lesson.html")
        solution = page.get_by_text("secret_of_the_answer = ")
        assert not solution.is_visible()
        page.get_by_text("Show the worked solution").click()
        assert solution.is_visible()
        hint = page.get_by_text("Try torch.exp.")
        assert not hint.is_visible()
        page.get_by_text("Hint 2").focus()
        page.keyboard.press("Enter")
        assert hint.is_visible()


# --- predictions ----------------------------------------------------------------------------


def test_an_answer_is_folded_until_one_has_guessed_and_the_page_remembers(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/{LESSON}")
        folded = page.locator(".predict-folded")
        number = folded.count()
        assert number > 20
        assert not folded.first.is_visible()
        first = page.locator("form.predict").first
        first.get_by_label("Your prediction").fill("the same <b>twice</b>")
        first.get_by_label("Your prediction").press("Enter")
        verdict = page.locator(".predict-verdict").first
        expect(verdict).to_contain_text("You predicted “the same <b>twice</b>”. Were you right?")
        verdict.get_by_role("button", name="No, a surprise").click()
        summary = page.locator(".predict-summary")
        expect(summary).to_contain_text("made, 0 right. Your surprises: what will the two")
        page.reload()
        assert folded.count() < number
        expect(verdict).to_contain_text("A surprise.")
        page.get_by_role("button", name="Show all answers").click()
        assert folded.count() == 0
        page.goto(f"{address}/02_autograd.html")
        assert folded.count() == 0, "who only reads is asked once"
        page.get_by_role("button", name="Fold the answers").click()
        assert folded.count() > 10
        page.goto(f"{address}/{LESSON}")
        page.get_by_role("button", name="Forget my predictions").click()
        assert folded.count() == number


def test_answers_are_open_in_print_and_without_javascript(address, browser):
    with tab(browser, address) as page:
        page.goto(f"{address}/{LESSON}")
        answer = page.locator(".predict-folded").first
        assert not answer.is_visible()
        page.emulate_media(media="print")
        assert answer.is_visible()
        assert not page.locator("form.predict").first.is_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{LESSON}")
    assert page.locator("form.predict").count() == 0
    assert page.locator(".cell_output").first.is_visible()
    context.close()


# --- explorers ------------------------------------------------------------------------------


def test_an_explorer_moves_on_its_lesson_and_is_a_still_picture_elsewhere(address, browser):
    place = f"{address}/{LESSON}?function=elu&x=2"
    with tab(browser, address) as page:
        page.goto(place)
        page.get_by_role("button", name="Show all answers").click()
        moons, explorer = page.locator(".nnlab-explorer").all()
        moons.get_by_role("button", name="One step").click()
        expect(moons.get_by_role("status")).to_contain_text("tanh, after 1 step: loss")
        words = explorer.get_by_role("status")
        expect(words).to_contain_text("elu, alpha = 1.00, at x = 2.00")
        explorer.get_by_label("input x", exact=True).focus()
        page.keyboard.press("ArrowLeft")
        expect(words).to_contain_text("at x = 1.95")
        page.wait_for_url("**?function=elu&x=1.95&*#cell-*")  # leads here, whoever gets it
        assert not explorer.locator("> img").is_visible()
        page.emulate_media(media="print")
        assert explorer.locator("> img").is_visible()
        assert not words.is_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(place)
    assert page.locator(".nnlab-explorer > img").first.is_visible()
    assert page.locator(".nnlab-live").count() == 0
    context.close()


@pytest.mark.parametrize(
    ("lesson", "place", "label", "key", "told"),
    [
        ("02_autograd", 0, "value of q", "Enter", "Without a prediction: the value of q is -3"),
        ("03_gradients", 0, "depth", "ArrowRight", "first layer"),
        ("04_lenet", 0, "column", "ArrowRight", "“vertical edge” at row 13, column 14"),
        ("04_lenet", 1, "row", "ArrowLeft", "“learned 2”"),
    ],
)
def test_every_explorer_is_live_on_its_lesson(address, browser, lesson, place, label, key, told):
    with tab(browser, address) as page:
        page.goto(f"{address}/{lesson}.html")
        page.get_by_role("button", name="Show all answers").click()
        explorer = page.locator(".nnlab-explorer").nth(place)
        words = explorer.get_by_role("status")
        explorer.get_by_label(label, exact=True).focus()
        before = words.inner_text()
        page.keyboard.press(key)
        expect(words).to_contain_text(told)
        expect(words).not_to_have_text(before)
        page.wait_for_url("**?*#cell-*")  # and is in the address
        assert faults(page) == []
        assert barriers(page, ".nnlab-explorer") == []


# --- the pad ---------------------------------------------------------------------------------


def test_digits_drawn_on_the_site_are_read_and_go_nowhere(address, browser, tmp_path):
    with tab(browser, address) as page:
        page.goto(f"{address}/draw.html")
        page.wait_for_load_state("networkidle")
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        assert draw_by_mouse(page, write(7, hand=0)).startswith("7,")
        assert page.get_by_role("img", name="6 feature maps", exact=True).is_visible()
        assert write_one_by_keys(page).startswith("1,")
        assert count_right(page, hands=1) >= 0.9  # more hands: test_explore_drawing.py
        assert not requests, "something left the page"

        expect(page.get_by_label("I drew a")).to_have_value("9")  # as it was read
        page.get_by_role("button", name="Keep").click()
        page.get_by_label("I drew a").select_option("4")
        page.get_by_role("button", name="Keep").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the 2 drawings").click()
        download.value.save_as(tmp_path / "drawings.json")
    assert load_drawings(tmp_path / "drawings.json").labels.tolist() == [9, 4]


@pytest.mark.parametrize("name", ["index", "04_lenet", "draw"])
def test_the_pad_is_live_at_once_also_from_a_folder(site, browser, name):
    home = site.as_uri()
    with tab(browser, home) as page:
        page.goto(f"{home}/{name}.html")
        assert draw_by_mouse(page, write(2, hand=3)).startswith("2,")
        assert not page.locator(".nnlab-drawing > img:visible").count()
        assert page.get_by_role("button", name="Keep").count() == (name != "index")


def test_without_javascript_lesson_4_shows_a_picture_of_the_pad(address, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/04_lenet.html")
    assert page.locator(".nnlab-drawing img").is_visible()
    context.close()


@pytest.mark.parametrize(("size", "scheme"), [MODES[0], MODES[3]], ids=[MODE_IDS[0], MODE_IDS[3]])
def test_the_pad_has_no_barrier_and_fits(address, browser, size, scheme):
    with tab(browser, address, size, scheme) as page:
        page.goto(f"{address}/draw.html")
        draw_by_mouse(page, write(3, hand=1))
        assert faults(page) == []
        pad, maps = (page.locator(place).bounding_box() for place in (".nnlab-pad", ".nnlab-maps"))
        assert (maps["x"] > pad["x"] + pad["width"]) == (size != PHONE), (
            "beside it where there is room"
        )
        if folder := os.environ.get("NNLAB_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"draw-{size[0]}-{scheme}.png", full_page=True)
        assert barriers(page, ".nnlab-draw") == []
