"""Every page of the site in a real browser: drawn without a fault, and without a barrier (axe)."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_browser import MODES, faults, tab

# axe takes most of its time for the thousands of spans that code and formulas consist of: they are
# looked at on these pages, and left out on the others.
WHOLE = {"training/step.html", "api/training.html", "guides/exercises.html"}
THIN = """() => {
    document.querySelectorAll("pre, .katex-html").forEach((e) => e.replaceChildren());
    document.querySelectorAll("code").forEach((e) => (e.textContent = e.textContent));
}"""


def pages_of(site):
    """Return the addresses of the site's pages."""
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name for name in names if not name.startswith("_static"))


def barriers(page, **options):
    """Return what axe finds serious, once for each rule."""
    options |= {"resultTypes": ["violations"], "preload": False}
    results = Axe().run(page, None, options)
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def seen(site, address, browser):
    """Open each page once, and look at it in every size and scheme: page -> faults, barriers."""
    found = {}
    with tab(browser, address) as page:
        for name in pages_of(site):
            page.goto(f"{address}/{name}")
            page.add_style_tag(content="* { transition: none !important }")  # colours at once
            found[name] = look_at(page, name in WHOLE)
    return found


def look_at(page, whole):
    """Return the faults of a page in each mode, and its barriers in both schemes."""
    wrong = {}
    for (width, height), scheme in reversed(MODES):  # to end at the first, wide and light
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-theme={scheme}]").wait_for(state="attached")
        wrong[f"{width}-{scheme}"] = faults(page)
    if not whole:
        page.evaluate(THIN)
    wrong["barriers"] = barriers(page)
    page.emulate_media(color_scheme="dark")
    page.locator("html[data-theme=dark]").wait_for(state="attached")
    wrong["dark"] = barriers(page, runOnly=["color-contrast"])
    return {kind: problems for kind, problems in wrong.items() if problems}


def test_every_page_is_without_fault_and_barrier(seen):
    assert len(seen) > 30
    assert {name: problems for name, problems in seen.items() if problems} == {}
