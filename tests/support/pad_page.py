"""The network of the site's pad, in a page of a browser."""

import base64
from importlib.resources import files

from building import PROJECT
from course_site import pad

SET_UP = """weights => {
    const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const layers = layersOf(new Float32Array(bytes(weights).buffer));
    window.read = ([drawing, side]) => {
        const start = performance.now();
        const image = centre(bytes(drawing), side);
        const { digits, maps } = lenet(layers, image);
        window.milliseconds = performance.now() - start;
        return [digits, image, ...maps].map((part) => [...part]);
    };
}"""


def load_network(page):
    """Give a page the scripts of the pad, and the network's weights."""
    for name in ("lenet.js", "centring.js"):
        page.add_script_tag(path=files("nnlab_course.explorers") / name)
    page.evaluate(SET_UP, pad.weights(PROJECT / "nnlab_course"))


def read_in(page, drawing):
    """Read a drawing, bytes (1, S, S): probabilities, image and maps, lists; and milliseconds."""
    text = base64.b64encode(drawing.numpy().tobytes()).decode()
    found = page.evaluate("drawing => read(drawing)", [text, drawing.shape[-1]])
    return found, page.evaluate("milliseconds")
