"""The site in a real browser: every page in both modes and on a phone, by mouse and by key.

It needs Chromium or Chrome, and is skipped, with the reason, where there is none.
"""

import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from site_samples import build_small, lesson_cells

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not BROWSER, reason="neither chromium nor google-chrome is there")

DESKTOP, PHONE = (1400, 900), (390, 844)
MODES = [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
MODE_IDS = [f"{width}-{scheme}" for (width, _), scheme in MODES]
LESSON = "01_activations.html"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files, and write no log."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site, tmp_path_factory):
    """Serve the site below a path of its own, and return its address."""
    root = tmp_path_factory.mktemp("host")
    (root / "some").mkdir()
    (root / "some/where").symlink_to(site, target_is_directory=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=root))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/where"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def chromium():
    """Start the browser once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@contextmanager
def tab(chromium, home, size=DESKTOP, scheme="light", **options):
    """Open a tab; at the end, fail if a page complained or asked another host for something."""
    width, height = size
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, **options
    )
    page, complaints = context.new_page(), []

    def hear(message):
        if message.type in ("error", "warning"):
            complaints.append(f"{page.url}: {message.text}")

    def watch(request):
        if not request.url.startswith((home, "data:", "blob:")):
            complaints.append(f"{page.url} asks for {request.url}")

    def fail(request):
        if request.failure != "net::ERR_ABORTED":  # by leaving the page
            complaints.append(f"{page.url} does not get {request.url}: {request.failure}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("request", watch)
    page.on("requestfailed", fail)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def pages_of(site):
    """Return the addresses of the site's pages."""
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name for name in names if not name.startswith("_static"))


def faults(page):
    """Return what is wrong with a page as it is drawn."""
    return page.evaluate(
        """() => {
            const found = [];
            const root = document.documentElement;
            if (root.scrollWidth > root.clientWidth)
                found.push(`it is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
            for (const element of document.querySelectorAll(".katex-error"))
                found.push(`mathematics: ${element.textContent}`);
            for (const element of document.querySelectorAll(".math:not(:has(.katex))"))
                found.push(`not typeset: ${element.textContent}`);
            return found;
        }"""
    )


@pytest.mark.parametrize(("size", "scheme"), MODES, ids=MODE_IDS)
def test_every_page_is_drawn_without_a_fault(site, address, chromium, size, scheme):
    found = {}
    with tab(chromium, address, size, scheme) as page:
        for name in pages_of(site):
            page.goto(f"{address}/{name}")
            assert page.locator("html").get_attribute("data-theme") == scheme
            if problems := faults(page):
                found[name] = problems
    assert found == {}


# The search for barriers takes its time: all pages in light mode, one of each kind in dark mode.
KINDS = ["index", "03_gradients", "05_cifar10", "helpers/history", "api/data", "glossary", "search"]


@pytest.mark.parametrize(("size", "scheme"), [MODES[0], MODES[3]], ids=[MODE_IDS[0], MODE_IDS[3]])
def test_no_page_has_a_serious_barrier(site, address, chromium, size, scheme):
    found = {}
    names = pages_of(site) if scheme == "light" else [f"{kind}.html" for kind in KINDS]
    with tab(chromium, address, size, scheme) as page:
        for name in names:
            page.goto(f"{address}/{name}")
            results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
            serious = {
                f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
                for violation in results.response["violations"]
                if violation["impact"] in ("serious", "critical")
            }
            if serious:
                found[name] = serious
    assert found == {}


def test_every_picture_of_a_lesson_comes_and_only_when_it_is_near(address, chromium):
    with tab(chromium, address) as page:
        page.goto(f"{address}/{LESSON}")
        pictures = page.locator("article img")
        unloaded = "images => images.filter(image => !image.naturalWidth).length"
        assert pictures.count() >= 5
        assert pictures.evaluate_all(unloaded) > 0
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()
            picture.evaluate("image => image.decode()")
        assert pictures.evaluate_all(unloaded) == 0


def test_the_site_works_from_a_folder(site, chromium):
    home = site.as_uri()
    with tab(chromium, home) as page:
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


def test_search_finds_a_word_and_leads_to_it(address, chromium):
    with tab(chromium, address) as page:
        page.goto(f"{address}/index.html")
        page.keyboard.press("Control+k")
        page.locator("#pst-search-dialog input").fill("asymptote")
        page.keyboard.press("Enter")
        page.locator("ul.search p.context").first.wait_for()  # an excerpt
        result = page.locator("ul.search a", has_text="Activation functions").first
        result.click()
        assert LESSON in page.url
        page.locator("span.highlighted").first.wait_for()


def test_dark_mode_is_switched_and_kept(address, chromium):
    with tab(chromium, address) as page:
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
        # Figures stay on white, and undimmed.
        style = page.locator("article img").first.evaluate(
            "image => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter]"
        )
        assert style == ["rgb(255, 255, 255)", "none"]


def test_the_copy_button_copies_the_code(address, chromium):
    permissions = ["clipboard-read", "clipboard-write"]
    with tab(chromium, address, permissions=permissions) as page:
        page.goto(f"{address}/{LESSON}")
        block = page.locator("div.cell_input div.highlight").first
        block.hover()
        block.locator("button.copybtn").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == block.locator("pre").inner_text().strip()
        assert copied.startswith("from collections.abc import")


def test_by_keys_alone_one_reaches_the_text(address, chromium):
    with tab(chromium, address) as page:
        page.goto(f"{address}/{LESSON}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main-content")


def test_a_formula_wider_than_a_phone_scrolls_by_keys(address, chromium):
    with tab(chromium, address, PHONE) as page:
        page.goto(f"{address}/03_gradients.html")
        wide = "e => e.filter(m => m.scrollWidth > m.clientWidth).map(m => m.tabIndex)"
        assert set(page.locator("div.math").evaluate_all(wide)) == {0}


def test_hints_and_solutions_open(chromium, tmp_path):
    done = build_small(tmp_path, lesson_cells())
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "html").as_uri()
    with tab(chromium, home) as page:
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
