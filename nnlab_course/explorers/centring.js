// `centre_drawings` of drawing.py in JavaScript: bring a drawing to MNIST's form.

// From side × side pixels, 0 to 255, to 28 × 28, 0 to 1: the ink 20 pixels large, its centre of mass
// in the middle of the fifteenth pixel.
function centre(drawing, side) {
  const ink = (row, column) =>
    row >= 0 && row < side && column >= 0 && column < side ? drawing[row * side + column] / 255 : 0;
  const ends = { left: side, right: 0, top: side, bottom: 0 };
  let [mass, x, y] = [1e-6, 0, 0];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const dark = ink(row, column);
      mass += dark;
      x += dark * (column + 0.5);
      y += dark * (row + 0.5);
      if (dark <= 0.1) continue;
      ends.left = Math.min(ends.left, column);
      ends.right = Math.max(ends.right, column);
      ends.top = Math.min(ends.top, row);
      ends.bottom = Math.max(ends.bottom, row);
    }
  }
  const size = Math.max(ends.right - ends.left, ends.bottom - ends.top, 0) + 1;
  const FINER = 4; // samples a pixel, in both directions
  const place = (step, middle) => middle + ((step + 0.5) / FINER - 14.5) * (size / 20) - 0.5;
  const image = new Float32Array(28 * 28);
  for (let i = 0; i < 28 * FINER; i++) {
    const down = place(i, y / mass);
    const [row, low] = [Math.floor(down), down - Math.floor(down)];
    for (let j = 0; j < 28 * FINER; j++) {
      const across = place(j, x / mass);
      const [column, far] = [Math.floor(across), across - Math.floor(across)];
      const above = (1 - far) * ink(row, column) + far * ink(row, column + 1);
      const below = (1 - far) * ink(row + 1, column) + far * ink(row + 1, column + 1);
      const pixel = Math.floor(i / FINER) * 28 + Math.floor(j / FINER);
      image[pixel] += ((1 - low) * above + low * below) / FINER ** 2;
    }
  }
  return image;
}
