// LeNet in plain JavaScript: the network of lesson 4, without a library.
//
// Maps lie one after the other in one array, each row by row. A layer has a weight and a
// bias, in PyTorch's order.

// Cut the 44,426 numbers into the five layers.
function layersOf(numbers) {
  const shapes = [[6, 1 * 25], [16, 6 * 25], [120, 256], [84, 120], [10, 84]];
  let place = 0;
  const take = (count) => numbers.subarray(place, (place += count));
  return shapes.map(([outputs, inputs]) => ({
    weight: take(outputs * inputs),
    bias: take(outputs),
  }));
}

// Slide kernels of 5 × 5 over maps of side × side.
function convolve({ weight, bias }, maps, side) {
  const channels = maps.length / side ** 2;
  const width = side - 4;
  const output = new Float32Array(bias.length * width ** 2);
  let place = 0;
  for (let kernel = 0; kernel < bias.length; kernel++) {
    for (let y = 0; y < width; y++) {
      for (let x = 0; x < width; x++) {
        let sum = bias[kernel];
        let w = kernel * channels * 25;
        for (let channel = 0; channel < channels; channel++) {
          for (let i = 0; i < 5; i++) {
            const row = (channel * side + y + i) * side;
            for (let j = 0; j < 5; j++) sum += weight[w++] * maps[row + x + j];
          }
        }
        output[place++] = sum;
      }
    }
  }
  return output;
}

// The mean of each square of 2 × 2.
function pool(maps, side) {
  return Float32Array.from({ length: maps.length / 4 }, (_, place) => {
    const half = side / 2;
    const corner = 2 * Math.floor(place / half) * side + 2 * (place % half);
    const [below, right] = [corner + side, corner + 1];
    return (maps[corner] + maps[right] + maps[below] + maps[below + 1]) / 4;
  });
}

function linear({ weight, bias }, input) {
  return bias.map((start, unit) =>
    input.reduce((sum, value, i) => sum + weight[unit * input.length + i] * value, start),
  );
}

const tanh = (values) => values.map((value) => Math.tanh(value));

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / total);
}

// From 28 × 28 pixels, 0 to 1, to ten probabilities, and the maps on the way.
function lenet([first, second, third, fourth, last], image) {
  const maps = convolve(first, image, 28); // 6 maps of 24 × 24
  const halved = pool(tanh(maps), 24); // 6 maps of 12 × 12
  const moreMaps = convolve(second, halved, 12); // 16 maps of 8 × 8
  const features = pool(tanh(moreMaps), 8); // 16 maps of 4 × 4: 256 numbers
  const hidden = tanh(linear(fourth, tanh(linear(third, features)))); // 120, then 84
  return { digits: softmax(linear(last, hidden)), maps: [maps, moreMaps] };
}
