"""How the tests open the pages of the site in a browser, and what they find fault with."""

from contextlib import contextmanager

DESKTOP, PHONE = (1400, 900), (390, 844)
MODES = [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
MODE_IDS = [f"{width}-{scheme}" for (width, _), scheme in MODES]


@contextmanager
def tab(browser, home, size=DESKTOP, scheme="light", **options):
    """Open a tab; at the end, fail if a page complained or asked another host for something."""
    width, height = size
    context = browser.new_context(
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
