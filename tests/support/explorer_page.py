"""An explorer on a page of its own, in a browser, as the site shows it."""

import json
from contextlib import contextmanager
from importlib.resources import files

from axe_playwright_python.sync_playwright import Axe

from nnlab_course.explorers.base import read_script

PAGE = """<!doctype html><html lang="en"><title>Explorer</title><meta charset="utf-8"><style>{style}
</style><main><h1>Explorer</h1><div class="nnlab-explorer"><img alt="Still">
<script type="application/json">{stored}</script></div></main><script>{script}</script>"""

# Shows one state after the other; returns what the words say of each.
SAY = """async (states) => {
    const place = document.querySelector(".nnlab-explorer");
    const said = [];
    for (const state of states) {
        place.explorer.show(state);
        await new Promise(requestAnimationFrame);
        said.push(place.querySelector(".nnlab-words").textContent);
    }
    return said;
}"""


@contextmanager
def explorer_page(browser, explorer, address="", size=(800, 700), **options):
    """Open a page with the explorer, at an address; fail if anything complains."""
    facts = {"name": explorer.name, "state": explorer.state, "data": explorer.data()}
    stored = json.dumps(facts)
    style = (files("nnlab_course.explorers") / "explorers.css").read_text(encoding="utf-8")
    script = f"(() => {{'use strict';{read_script('page.js')}}})()"
    html = PAGE.format(style=style, stored=stored, script=script)
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, **options)
    page, complaints = context.new_page(), []
    page.route(
        "http://explorer/**", lambda route: route.fulfill(body=html, content_type="text/html")
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"http://explorer/{address}")
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def picture_of(page):
    """Return what the explorer draws, to compare it with what it draws later."""
    return page.locator(".nnlab-live").screenshot()


ALONE = """place => {
    const kept = [...document.querySelectorAll(place)];
    for (const element of document.querySelectorAll("body *"))
        if (!kept.some((part) => part.contains(element) || element.contains(part)))
            element.remove();
}"""


def barriers(page, place=".nnlab-live"):
    """Name what keeps somebody from using a part of the page, by default the explorer.

    The rest of the page, which axe would walk through for a second, is taken away.
    """
    page.evaluate(ALONE, place)
    options = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(page, {"include": [place]}, options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
