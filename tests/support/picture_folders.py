"""Pictures and folders of pictures, for the tests of data."""

import numpy as np
from PIL import Image


def put_pictures(folder, counts, size=(40, 30), mode="RGB", suffix=".png"):
    """Write pictures, each of one colour: the class gives its red, the picture its green."""
    for label, (name, num) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(num):
            picture = Image.new("RGB", size, (50 * label, 10 * i, 200)).convert(mode)
            picture.save(folder / name / f"{i}{suffix}")
    return folder


def noise(seed, size=48, channels=3):
    """Return a picture that is like no other: soft blotches."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, channels), np.uint8).squeeze())
    return coarse.resize((size, size), Image.Resampling.BICUBIC)


def put_noise(folder, counts, **options):
    for label, (name, num) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(num):
            noise(1000 * label + i, **options).save(folder / name / f"{i}.png")
    return folder
