"""Write the real digits that the package carries, from scikit-learn's copy of them.

    python scripts/make_digits.py [OUT]

OUT is nnlab_course/digits.safetensors unless given. The same versions of the data give the same
bytes. It is run by hand, from the development environment: scikit-learn is not needed to use the
course.

The 1,797 digits are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and
C. Kaynak, 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49), licensed under
CC BY 4.0: digits that 13 people wrote, as pictures of 8x8 with values 0..16. They are unchanged, in
scikit-learn's order.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from sklearn.datasets import load_digits

OUT = Path(__file__).parent.parent / "nnlab_course" / "digits.safetensors"
# One entry: the order of several would be that of a hash, different in every run.
METADATA = {
    "source": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), "
    "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0"
}


def main(out: Path = OUT) -> None:
    """Write `images`, uint8 (1797, 8, 8), values 0..16, and `labels`, uint8 (1797,)."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    assert images.shape == (1797, 8, 8)
    assert np.array_equal(images, digits.images)
    assert images.max() == 16
    tensors = {"images": images, "labels": digits.target.astype(np.uint8)}
    out.write_bytes(save(tensors, metadata=METADATA))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
