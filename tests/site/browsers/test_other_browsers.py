"""The site in Firefox and WebKit, where they are installed: `make test-browsers`."""

import pytest
from handwriting import write
from web_drivers import firefox, missing, patiently, webkit

ARROW_LEFT = "\ue012"
WORDS = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"


@pytest.fixture(scope="module", params=[firefox, webkit], ids=["firefox", "webkit"])
def page(request, tmp_path_factory):
    if absent := missing(request.param):
        pytest.skip(f"not installed: {', '.join(absent)}")
    with request.param(tmp_path_factory.mktemp("browser")) as page:
        yield page


def comes(condition):
    """Wait until something holds."""

    def holds():
        assert condition()

    patiently(holds, 20)


def test_a_prediction_opens(page, address):
    page.open(f"{address}/02_autograd.html")
    number = "return document.querySelectorAll('.predict-folded').length"
    folded = page.run(number)
    assert folded > 10
    page.run("document.querySelector('form.predict input').focus()")
    page.press(*"one", "\ue007")
    comes(lambda: page.run(number) < folded)
    assert "You predicted “one”." in page.run(WORDS, ".predict-verdict")[0]


def test_an_explorer_moves_by_keys(page, address):
    page.open(f"{address}/01_activations.html?function=elu&x=2")
    status = ".nnlab-explorer [role=status]"
    comes(lambda: "elu, alpha = 1.00, at x = 2.00" in " ".join(page.run(WORDS, status)))
    picture = "return document.querySelectorAll('.nnlab-live')[1].innerHTML"
    before = page.run(picture)
    page.run(
        "const buttons = [...document.querySelectorAll('button')];"
        "buttons.find((e) => e.textContent === 'Show all answers').click()"
    )
    page.run(
        "const labels = [...document.querySelectorAll('.nnlab-slider label')];"
        "labels.find((e) => e.textContent === 'input x').querySelector('input').focus()"
    )
    page.press(ARROW_LEFT)
    comes(lambda: "at x = 1.95" in " ".join(page.run(WORDS, status)))
    assert page.run(picture) != before


def test_the_pad_reads_a_seven(page, address):
    page.open(f"{address}/draw.html")
    strokes = write(7, hand=0)
    for stroke in strokes:
        page.draw(".nnlab-pad", stroke)
    answered = f".nnlab-draw[data-answered='{len(strokes)}']"
    comes(lambda: page.run("return !!document.querySelector(arguments[0])", answered))
    assert page.run(WORDS, ".nnlab-answer")[0].startswith("7,")
