"""Stored pictures: a line plot gets a palette, a photograph is left as it is."""

import base64
import io

import nbformat
import pytest
from PIL import Image
from small_pictures import main


def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("colour", "size", "mode"),
    [("white", {"width": 20}, "P"), ("green", {"width": 20}, "RGB"), ("white", None, "RGB")],
    ids=["a sharp plot", "a photograph", "a picture of one's own"],
)
def test_only_sharp_line_plots_get_a_palette(tmp_path, monkeypatch, colour, size, mode):
    metadata = {"image/png": size} if size else {}
    output = nbformat.v4.new_output("display_data", {"image/png": png(colour)}, metadata=metadata)
    cell = nbformat.v4.new_code_cell("plot()", outputs=[output])
    path = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    monkeypatch.setattr("sys.argv", ["small_pictures.py", str(path)])
    main()
    (stored,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert stored.metadata == metadata
    with Image.open(io.BytesIO(base64.b64decode(stored.data["image/png"]))) as image:
        assert image.mode == mode
        assert image.convert("RGB").getpixel((0, 0)) == Image.new("RGB", (1, 1), colour).getpixel(
            (0, 0)
        )
