"""Every page of the site in a real browser: drawn without a fault, and without a barrier (axe)."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_browser import MODES, faults, tab

# What axe is to look at for contrast, which takes most of its time: of all visible text that looks
# the same by its elements, classes, colours and style sheets, the first of the site.
MARK = """known => {
    const seen = new Set(known), added = [];
    const sheets = [...document.styleSheets].map(
        (sheet) => sheet.href?.split("/").pop() ?? sheet.ownerNode.textContent.length);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        let look = sheets.join();
        for (let e = element; e; e = e.parentElement)
            look += `${e.tagName} ${e.getAttribute("class")} ${e.style.color} < `;
        if (seen.has(look)) continue;
        element.setAttribute("data-first", "");
        seen.add(look);
        added.push(look);
    }
    return added;
}"""
# Colours at once; and code on one colour: axe can't judge text on a gradient, as wide code has it.
PLAIN = "* { transition: none !important } pre { background-image: none !important }"
MARKED = "axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-first]' }] })"
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


SHOWN = """scheme => new Promise((shown, failed) => {
    const look = () =>
        document.documentElement.dataset.theme === scheme ? shown() : setTimeout(look, 10);
    setTimeout(() => failed(new Error(`the page doesn't become ${scheme}`)), 10000);
    look();
})"""
# The theme lets keys reach what scrolls 0.3 s after it has changed.
REACHABLE = """async () => {
    const scrolls = (e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight;
    const left = (e) => e.tabIndex < 0 && scrolls(e);
    for (let i = 0; i < 20 && [...document.querySelectorAll("pre")].some(left); i++)
        await new Promise((resolve) => setTimeout(resolve, 50));
}"""


def barriers(page, **options):
    """Return what axe, which the page has loaded, finds serious, once for each rule."""
    options |= {"resultTypes": ["violations"], "preload": False}
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def seen(site, address, browser):
    """Open each page once, and look at it in every size and scheme: page -> faults, barriers."""
    found, looks = {}, set()
    with tab(browser, address) as page:
        for name in pages_of(site):
            page.goto(f"{address}/{name}")
            page.add_style_tag(content=PLAIN)
            found[name] = look_at(page, looks, name in WHOLE)
    return found


def look_at(page, looks, whole):
    """Return the faults of a page in each mode, and its barriers in both schemes."""
    wrong = {}
    for (width, height), scheme in reversed(MODES):  # to end at the first, which is wide and light
        page.set_viewport_size({"width": width, "height": height})
        switch(page, scheme)
        wrong[f"{width}-{scheme}"] = faults(page)
    looks.update(page.evaluate(MARK, list(looks)))
    if not whole:
        page.evaluate(THIN)
    page.evaluate(REACHABLE)
    page.evaluate(Axe().axe_script + MARKED)
    wrong["barriers-light"] = barriers(page)
    switch(page, "dark")
    wrong["barriers-dark"] = barriers(page, runOnly=["color-contrast"])
    return {kind: problems for kind, problems in wrong.items() if problems}


def switch(page, scheme):
    """Show the page as who prefers this colour scheme gets it."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate(SHOWN, scheme)


def test_every_page_is_without_fault_and_barrier(seen):
    assert len(seen) > 30
    assert {name: problems for name, problems in seen.items() if problems} == {}
