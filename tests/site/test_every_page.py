"""Every page of the site in a real browser: drawn without a fault, and without a barrier (axe)."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_browser import MODES, faults, tab

# What axe is to look at for contrast, which takes most of its time: of all visible text that looks
# the same by its elements, classes and colours, the first.
MARK = """() => {
    const seen = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        let look = "";
        for (let e = element; e; e = e.parentElement)
            look += `${e.tagName} ${e.getAttribute("class")} ${e.style.color} < `;
        if (!seen.has(look)) element.setAttribute("data-first", "");
        seen.add(look);
    }
}"""
# Colours at once; and code on one colour: axe can't judge text on a gradient, as wide code has it.
PLAIN = "* { transition: none !important } pre { background-image: none !important }"
MARKED, CONTRAST = "[data-first]", "color-contrast"
# The thousands of other spans of code and formulas only take time: they go, save on these pages.
WHOLE = {"training/step.html", "api/training.html", "guides/exercises.html"}
THIN = """() => {
    for (const element of document.querySelectorAll(":is(pre, code, .katex) *"))
        if (!element.matches("[data-first]") && !element.querySelector("[data-first]"))
            element.replaceWith(...(element.closest("a, code") ? element.childNodes : []));
}"""


def pages_of(site):
    """Return the addresses of the site's pages."""
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name for name in names if not name.startswith("_static"))


def barriers(page, context=None, **options):
    """Return what axe, which the page has loaded, finds serious, once for each rule."""
    options |= {"resultTypes": ["violations"], "preload": False}
    run = "([context, options]) => axe.run(context ?? document, options)"
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in page.evaluate(run, [context, options])["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def seen(site, address, browser):
    """Open each page once, and look at it in every size and scheme: page -> faults, barriers."""
    found = {}
    with tab(browser, address) as page:
        for name in pages_of(site):
            page.goto(f"{address}/{name}")
            page.add_style_tag(content=PLAIN)
            found[name] = look_at(page, name in WHOLE)
    return found


def look_at(page, whole):
    """Return the faults of a page in each mode, and its barriers in both schemes."""
    wrong = {}
    for (width, height), scheme in reversed(MODES):  # to end at the first, which is wide
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-theme={scheme}]").wait_for(state="attached")
        wrong[f"{width}-{scheme}"] = faults(page)
    page.evaluate(MARK)
    if not whole:
        page.evaluate(THIN)
    page.evaluate(Axe().axe_script)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-theme={scheme}]").wait_for(state="attached")
        wrong[f"contrast-{scheme}"] = barriers(page, MARKED, runOnly=[CONTRAST])
    wrong["barriers"] = barriers(page, rules={CONTRAST: {"enabled": False}})
    return {kind: problems for kind, problems in wrong.items() if problems}


def test_every_page_is_without_fault_and_barrier(seen):
    assert len(seen) > 30
    assert {name: problems for name, problems in seen.items() if problems} == {}
