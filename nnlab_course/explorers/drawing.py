"""A pad to draw on, and a network that answers"""

# A plain module, edited here.

import copy
import functools
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.data import Split
from nnlab_course.explorers.base import Explorer
from nnlab_course.files import write_whole
from nnlab_course.lenet import LeNet, feature_maps
from nnlab_course.plots.images import plot_images, plot_maps

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = [
    "SIDE",
    "DigitPad",
    "DigitReader",
    "centre_drawings",
    "draw_strokes",
    "keep_drawing",
    "load_drawings",
    "trained_lenet",
]


_SCRIPTS = ("drawing.js", "drawing_lab.js")
SIDE = 140  # Pixels of a drawing; as in drawing.js, like the two below
_FILL, _PEN = 100, 15  # Of these, the larger side of what was drawn, and the width of the pen


def draw_strokes(
    strokes: Sequence[Sequence[tuple[float, float]]],  # Lists of (x, y), y downwards, any unit
) -> Tensor:  # (1, 140, 140), float32, 0 to 1; ink is 1
    """Draw strokes with a round pen, scaled to one size, in the middle.

    **Raises:** `ValueError` if there is no stroke, or one without a point.
    """
    if not strokes or not all(len(stroke) for stroke in strokes):
        raise ValueError("nothing to draw; give one stroke or more, each of one point or more")
    points = np.array([point for stroke in strokes for point in stroke], dtype=float)
    low, high = points.min(axis=0), points.max(axis=0)
    finer = 4  # Pillow's lines have hard edges: draw large, then average
    zoom = finer * _FILL / ((high - low).max() or 1.0)
    picture = Image.new("L", (finer * SIDE, finer * SIDE))
    pencil, radius = ImageDraw.Draw(picture), finer * _PEN / 2
    for stroke in strokes:
        places = (np.array(stroke, dtype=float) - (low + high) / 2) * zoom + finer * SIDE / 2
        pencil.line([tuple(place) for place in places], fill=255, width=finer * _PEN)
        for x, y in places:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    return torch.from_numpy(pixels / np.float32(255))[None]


def centre_drawings(
    drawings: Tensor,  # (N, 1, S, S), 0 to 1, ink is 1
) -> Tensor:  # (N, 1, 28, 28), 0 to 1
    """Bring drawings to MNIST's form: 20 pixels of 28, the centre of mass in the middle.

    An empty drawing stays empty.

    **Source:** LeCun et al. (1998), section III.A.
    """
    side = drawings.shape[-1]
    ink = drawings[:, 0].cpu()  # (N, S, S); MPS has no float64
    places = torch.arange(side, device=ink.device) + 0.5

    def extent(darkest: Tensor) -> Tensor:  # (N, S), of each row or column -> (N,)
        dark = darkest > 0.1
        first = torch.where(dark, places, torch.full_like(places, side)).amin(1)
        last = torch.where(dark, places, torch.zeros_like(places)).amax(1)
        return last - first + 1

    size = torch.maximum(*(extent(ink.amax(axis)) for axis in (1, 2))).clamp(min=1)
    # In float64: thousands of pixels are added up, and each program does so in an order of its own.
    pixels = ink.double()
    mass = pixels.sum((1, 2)).clamp(min=1e-6)
    x, y = (pixels.sum(1) * places).sum(1) / mass, (pixels.sum(2) * places).sum(1) / mass
    # From the centre of mass, in pixels of the result. MNIST has it in the middle of the fifteenth
    # pixel, half a pixel off the picture's.
    steps = (torch.arange(4 * 28, device=ink.device) + 0.5) / 4 - 14.5
    columns, rows = (middle[:, None] + steps * size[:, None] / 20 for middle in (x, y))
    grid = torch.stack(torch.broadcast_tensors(columns[:, None], rows[:, :, None]), dim=3)
    grid = (2 * grid / side - 1).to(drawings.dtype).to(drawings.device)
    return F.avg_pool2d(F.grid_sample(drawings, grid, align_corners=False), 4)


class DigitReader(nn.Module):
    """A network, with what a drawing needs before it and a reader wants to see of it.

    Maps drawings `(N, 1, S, S)`, 0 to 1, to a tuple: probabilities `(N, 10)`, the images that the
    network saw `(N, 1, 28, 28)`, and for each convolution in `model.features` its maps
    `(N, K, H, W)`, before the activation.

    **Raises:** `ValueError` if `model` doesn't map `(N, 1, 28, 28)` to `(N, 10)`.
    """

    def __init__(
        self,
        model: nn.Module,  # Maps images (N, 1, 28, 28), 0 to 1, to logits (N, 10); it is copied
    ):
        super().__init__()
        self.model = copy.deepcopy(model).cpu()
        self.eval()
        features = getattr(model, "features", [])
        kinds = enumerate(features, start=1)
        self.depths = [depth for depth, layer in kinds if isinstance(layer, nn.Conv2d)]
        try:
            with torch.no_grad():
                shape = tuple(self.model(torch.zeros(2, 1, 28, 28)).shape)
        except RuntimeError as error:
            raise ValueError(f"the model can't read images of (N, 1, 28, 28): {error}") from error
        if shape != (2, 10):
            raise ValueError(
                f"the model maps 2 images to {shape}; it must give (2, 10), ten logits each"
            )

    def forward(self, drawings: Tensor) -> tuple[Tensor, ...]:
        images = centre_drawings(drawings)
        maps = [feature_maps(self.model, images, depth) for depth in self.depths]
        return self.model(images).softmax(1), images, *maps


def trained_lenet() -> LeNet:
    """Return the LeNet that the package carries, trained on MNIST as lesson 4 does."""
    model = LeNet()
    model.load_state_dict(load_file(files("nnlab_course") / "lenet.safetensors"))
    return model.eval()


def load_drawings(
    path: Path | str,  # A JSON file of kept drawings
) -> Split:  # uint8 (N, 1, 28, 28) and their labels, for `evaluate`
    """Read the drawings that somebody kept.

    **Raises:** `FileNotFoundError` if there is no file; `ValueError` if it holds something else.
    """
    entries = _read_drawings(Path(path))
    pixels = torch.tensor([entry["pixels"] for entry in entries], dtype=torch.uint8)
    labels = torch.tensor([entry["label"] for entry in entries], dtype=torch.int64)
    return Split(pixels.reshape(len(entries), 1, 28, 28), labels)


def keep_drawing(
    path: Path | str,  # A JSON file of kept drawings; it is made if it isn't there
    label: int,  # What was drawn, 0 to 9
    pixels: Sequence[int],  # 784 of them, 0 to 255, row by row
) -> int:  # How many drawings the file holds now
    """Add a drawing to a file of kept ones.

    **Raises:** `ValueError` if the file holds something else, or the drawing isn't one; the file
    is as it was.
    """
    path = Path(path)
    entries = _read_drawings(path) if path.exists() else []
    entries.append(_check_drawing({"label": label, "pixels": list(pixels)}))
    write_whole(path, json.dumps(entries))
    return len(entries)


def _read_drawings(path: Path) -> list[dict]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, list):
            raise ValueError("it isn't a list")
        return [_check_drawing(entry) for entry in entries]
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError, too
        raise ValueError(
            f"{path} holds no kept drawings ({error}); give another file, or move this one away"
        ) from error


def _check_drawing(entry: object) -> dict:
    def whole(value: object, highest: int) -> bool:
        return type(value) is int and 0 <= value <= highest

    entry = entry if isinstance(entry, dict) else {}
    label, pixels = entry.get("label"), entry.get("pixels")
    if not whole(label, 9):
        raise ValueError(f"a label is {label!r}, not a digit from 0 to 9")
    if not isinstance(pixels, list) or len(pixels) != 784 or not all(whole(p, 255) for p in pixels):
        raise ValueError("the pixels of a drawing aren't 784 whole numbers from 0 to 255")
    return {"label": label, "pixels": pixels}


@functools.cache
def _pad_class() -> type:
    """Define the widget; only whoever shows one needs anywidget."""
    import anywidget

    folder = files("nnlab_course.explorers")

    class Pad(anywidget.AnyWidget):
        _esm = "".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
        _css = (folder / "drawing.css").read_text(encoding="utf-8")

    return Pad


class DigitPad(Explorer):
    """A pad to draw a digit on; a network answers while you draw.

    What is kept goes to `file`; `load_drawings` reads it. Where widgets are absent, it is a picture
    of what the network makes of a seven.

    **Raises:** `ValueError` if `model` doesn't map images `(N, 1, 28, 28)` to ten logits.
    """

    figsize = (8.5, 3.6)
    package = "anywidget"

    def __init__(
        self,
        model: nn.Module,  # Maps images (N, 1, 28, 28), 0 to 1, to logits (N, 10); it is copied
        file: Path | str = "drawings.json",  # Where kept drawings go
    ):
        super().__init__()
        self.reader, self.file = DigitReader(model), Path(file)
        self.drawing = draw_strokes(_SEVEN)  # what the picture shows

    def __repr__(self) -> str:
        return f"DigitPad({type(self.reader.model).__name__})"

    @torch.no_grad()
    def read(
        self,
        drawing: Tensor,  # (1, S, S), 0 to 1
    ) -> tuple[Tensor, ...]:  # As of a `DigitReader`, without the batch dimension
        """Let the network read one drawing."""
        return tuple(part[0] for part in self.reader(drawing[None]))

    def draw(self, figure: Figure) -> None:
        figure.set_layout_engine("constrained")  # it is drawn once
        digits, image, *maps = self.read(self.drawing)
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.1))
        layout = [["drawn", "what the network sees"], ["digits", "digits"]]
        panels = left.subplot_mosaic(layout, height_ratios=(1.4, 1))
        for picture, title in zip((self.drawing, image), layout[0], strict=True):
            plot_images(picture[None], titles=[title], axs=np.array([panels[title]]))
        panels["digits"].bar(range(10), digits.tolist(), color="#0072B2")
        panels["digits"].set(xticks=range(10), ylim=(0, 1), xlabel="digit", ylabel="probability")
        for ax, part in zip(np.ravel(right.subplots(max(len(maps), 1), 1)), maps, strict=False):
            plot_maps(part, num_cols=math.ceil(len(part) / 2), ax=ax, colorbar=False)
            ax.set_title(f"{len(part)} feature maps", fontsize=9)

    def _build(self) -> "Widget":
        pad = _pad_class()()
        pad.on_msg(self._receive)
        return pad

    def _receive(self, pad: "Widget", content: dict, buffers: list) -> None:
        reply, parts = {"number": content["number"]}, []
        try:
            if content["kind"] == "read":
                parts = self._answer(buffers[0])
                reply["maps"] = [part.shape[:2] for part in parts[2:]]
            else:
                count = keep_drawing(self.file, content["label"], content["pixels"])
                reply["told"] = f"Kept in {self.file}, which holds {count}"
        except (OSError, ValueError, RuntimeError) as error:
            reply["error"] = str(error)  # told on the pad
        pad.send(reply, [np.ascontiguousarray(part).tobytes() for part in parts])

    def _answer(self, drawing: bytes) -> list[np.ndarray]:
        pixels = np.frombuffer(drawing, dtype=np.uint8).reshape(1, SIDE, SIDE)
        return [part.numpy() for part in self.read(torch.from_numpy(pixels / np.float32(255)))]


_SEVEN = [[(0.2, 0.1), (0.8, 0.1), (0.45, 0.95)], [(0.35, 0.5), (0.75, 0.5)]]
