// The norm of δ in every layer of a deep network, and its bound: the network itself runs here.
//
// Its weights are those that torch draws with the seed 0: the numbers of the Mersenne Twister, in
// single precision. The rest is computed in double precision, as the package does.

const WIDTH = 32; // Units of a hidden layer
const WIDEST = [-30, 20]; // Powers of ten; what lies outside is marked at the edge
const PARAMETERS = { elu: 1, leaky_relu: 0.01 }; // As torch's layers have them

// f'(z) from f(z), which is quicker.
const SLOPES = {
  sigmoid: (a) => a * (1 - a),
  tanh: (a) => 1 - a * a,
  relu: (a) => (a > 0 ? 1 : 0),
  leaky_relu: (a) => (a > 0 ? 1 : PARAMETERS.leaky_relu),
  elu: (a) => (a > 0 ? 1 : a + 1),
};

// The largest size of a weight, by the numbers of inputs and outputs.
const SCHEMES = {
  default: (inputs) => 1 / Math.sqrt(inputs),
  xavier: (inputs, outputs) => Math.sqrt(6 / (inputs + outputs)),
  kaiming: (inputs) => Math.sqrt(6 / inputs),
};

// Numbers from 0 to 1 as `uniform_` draws them: Matsumoto and Nishimura (1998), the lowest 24 bits.
function drawUniform(count, seed) {
  const words = new Uint32Array(624);
  words[0] = seed;
  for (let i = 1; i < 624; i++) {
    const last = words[i - 1] ^ (words[i - 1] >>> 30);
    words[i] = Math.imul(1812433253, last) + i;
  }
  const twist = () => {
    for (let i = 0; i < 624; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7fffffff);
      words[i] = words[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
  };
  return Float64Array.from({ length: count }, (_, i) => {
    if (i % 624 === 0) twist();
    let y = words[i % 624];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return (y & 0xffffff) / 0x1000000;
  });
}

// output (rows, count) = weights (rows, columns) @ input (columns, count); the strides may transpose.
// Two rows and four columns at a time (rows are even), since reading and writing take longer than
// multiplying.
function multiply(weights, rows, columns, down, right, input, output, count) {
  output.fill(0);
  for (let i = 0; i < rows; i += 2) {
    const start = i * count;
    let j = 0;
    for (; j + 3 < columns; j += 4) {
      const place = i * down + j * right;
      const p = weights[place];
      const q = weights[place + right];
      const r = weights[place + 2 * right];
      const s = weights[place + 3 * right];
      const t = weights[place + down];
      const u = weights[place + down + right];
      const v = weights[place + down + 2 * right];
      const w = weights[place + down + 3 * right];
      for (let n = 0, a = j * count; n < count; n++, a++) {
        const first = input[a];
        const second = input[a + count];
        const third = input[a + 2 * count];
        const fourth = input[a + 3 * count];
        output[start + n] += p * first + q * second + r * third + s * fourth;
        output[start + count + n] += t * first + u * second + v * third + w * fourth;
      }
    }
    for (; j < columns; j++) {
      const [first, second] = [weights[i * down + j * right], weights[(i + 1) * down + j * right]];
      for (let n = 0; n < count; n++) {
        output[start + n] += first * input[j * count + n];
        output[start + count + n] += second * input[j * count + n];
      }
    }
  }
}

function normOf(values) {
  let sum = 0;
  for (let n = 0; n < values.length; n++) sum += values[n] * values[n];
  return Math.sqrt(sum);
}

// The spectral norm of a matrix of two rows.
function stretchOfTwo(weights) {
  const [first, second] = [weights.subarray(0, WIDTH), weights.subarray(WIDTH)];
  const dot = (one, other) => one.reduce((sum, value, i) => sum + value * other[i], 0);
  const [a, b, c] = [dot(first, first), dot(first, second), dot(second, second)];
  return Math.sqrt((a + c + Math.hypot(a - c, 2 * b)) / 2);
}

class Network {
  constructor({ points, labels, stretches, activations, depths }) {
    const bytes = Uint8Array.from(atob(points), (character) => character.charCodeAt(0));
    this.points = Float64Array.from(new Float32Array(bytes.buffer));
    this.count = labels.length;
    this.labels = [...labels].map(Number);
    this.stretches = stretches;
    this.largest = Object.fromEntries(activations.map(([name, , slope]) => [name, slope]));
    this.uniform = drawUniform(4 * WIDTH + (depths[1] - 2) * WIDTH * WIDTH, 0);
    const layer = () => new Float64Array(WIDTH * this.count);
    this.sums = Array.from({ length: depths[1] }, layer); // Before the activations
    this.values = Array.from({ length: depths[1] }, layer);
    this.deltas = [layer(), layer()];
  }

  weights(depth, init, gain) {
    let place = 0;
    return Array.from({ length: depth }, (_, layer) => {
      const [inputs, outputs] = [layer ? WIDTH : 2, layer < depth - 1 ? WIDTH : 2];
      const bound = Math.fround(SCHEMES[init](inputs, outputs));
      const [range, factor] = [Math.fround(2 * bound), Math.fround(gain)];
      const drawn = this.uniform.subarray(place, (place += inputs * outputs));
      // The product and the sum are rounded once, as by the processor's fused operation.
      const weight = (share) => Math.fround(Math.fround(share * range - bound) * factor);
      return drawn.map(weight);
    });
  }

  // As `measure_mlp`: ‖δ‖ of each layer's outputs, and its bound.
  measure({ depth, activation, init, gain }) {
    const { count, sums, values } = this;
    const weights = this.weights(depth, init, gain);
    const [f, slopeAt] = ACTIVATIONS[activation];
    const [p, slopeFrom] = [PARAMETERS[activation], SLOPES[activation]];
    let input = this.points;
    weights.forEach((weight, layer) => {
      const [inputs, outputs] = [layer ? WIDTH : 2, layer < depth - 1 ? WIDTH : 2];
      multiply(weight, outputs, inputs, inputs, 1, input, sums[layer], count);
      if (layer === depth - 1) return;
      const [from, to] = [sums[layer], values[layer]];
      for (let n = 0; n < to.length; n++) to[n] = f(from[n], p);
      input = to;
    });
    let delta = this.lossGradient(sums[depth - 1]);
    const norms = [normOf(delta)];
    for (let layer = depth - 2; layer >= 0; layer--) {
      const rows = layer === depth - 2 ? 2 : WIDTH;
      const next = this.deltas[layer % 2];
      multiply(weights[layer + 1], WIDTH, rows, 1, WIDTH, delta, next, count);
      const [from, to] = [sums[layer], values[layer]];
      if (slopeFrom) for (let n = 0; n < next.length; n++) next[n] *= slopeFrom(to[n]);
      else for (let n = 0; n < next.length; n++) next[n] *= slopeAt(from[n], p);
      delta = next;
      norms.unshift(normOf(delta));
    }
    return { norms, bounds: this.bounds(norms.at(-1), weights, activation, init, gain) };
  }

  // Of the mean cross-entropy, with respect to the logits (2, count).
  lossGradient(logits) {
    const { count, labels } = this;
    const delta = new Float64Array(2 * count);
    for (let n = 0; n < count; n++) {
      const first = 1 / (1 + Math.exp(logits[count + n] - logits[n]));
      delta[n] = (labels[n] === 0 ? -1 / (1 + Math.exp(logits[n] - logits[count + n])) : first) / count;
      delta[count + n] = -delta[n];
    }
    return delta;
  }

  bounds(last, weights, activation, init, gain) {
    const scale = (gain * SCHEMES[init](WIDTH, WIDTH)) / SCHEMES.default(WIDTH);
    const found = [last];
    for (let layer = weights.length - 1; layer > 0; layer--) {
      const isLast = layer === weights.length - 1;
      const stretch = isLast ? stretchOfTwo(weights[layer]) : scale * this.stretches[layer - 1];
      found.unshift(this.largest[activation] * stretch * found[0]);
    }
    return found;
  }
}

// Powers of ten for the axis: multiples of five, so that it seldom moves.
function limits(norms) {
  const powers = norms.filter((norm) => norm > 0).map(Math.log10);
  const low = 5 * Math.floor(Math.min(...powers, -5) / 5);
  const high = 5 * Math.ceil(Math.max(...powers, 0) / 5);
  return [Math.max(low, WIDEST[0]), Math.min(high, WIDEST[1])];
}

explorers.gradients = function (element, host) {
  const { activations, schemes, depths, gains } = host.data;
  const network = new Network(host.data);
  const has = (pairs, name) => pairs.some(([entry]) => entry === name);

  function accept({ depth, activation, init, gain }) {
    const number = (value, [low, high], usual) =>
      Number.isFinite(Number(value)) ? clamp(Number(value), low, high) : usual;
    if (!has(activations, activation)) activation = activations[0][0];
    if (!has(schemes, init)) init = schemes[0][0];
    return { depth: Math.round(number(depth, depths, 20)), activation, init, gain: number(gain, gains, 1) };
  }

  const logarithm = { to: Math.log10, from: (power) => Number((10 ** power).toPrecision(3)) };
  const depth = slider("depth", (value) => view.change({ depth: value }));
  const activation = chooser("activation", activations, (name) => view.change({ activation: name }));
  const init = chooser("start", schemes, (name) => view.change({ init: name }));
  const gain = slider("weights ×", (value) => view.change({ gain: value }), logarithm);
  const controls = make("div", { class: "nnlab-controls" });
  controls.append(activation.element, init.element, depth.element, gain.element);

  const plot = new Plot(host.data.title);
  const bound = draw("path", { class: "nnlab-bound" });
  const line = draw("path", { class: "nnlab-value" });
  const dots = draw("g", { class: "nnlab-marks" });
  plot.marks.append(bound, line);
  plot.svg.append(dots);
  const legend = make("ul", { class: "nnlab-legend" });
  legend.append(swatch("value", "measured"), swatch("bound", "bound"), make("li", {}, "▾ ▴ beyond the edge, × exactly 0"));

  let framed = "";

  function frame(count, [low, high], width) {
    if (framed === String([count, low, high, width])) return;
    framed = String([count, low, high, width]);
    const step = high - low <= 25 ? 5 : 10;
    const powers = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
    const whole = ticks(1, count, width < 500 ? 6 : 10).filter(Number.isInteger);
    plot.frame(
      width,
      { low: 0.5, high: count + 0.5, label: "layer, from the input", marks: whole.map((n) => [n, n]) },
      { low, high, label: "‖δ‖, gradient of the outputs", marks: powers.map((n) => [n, scientific(10 ** n, 0)]) },
    );
  }

  function mark(norm, number, [low, high]) {
    const [x, power] = [plot.x(number), Math.log10(norm)];
    const y = plot.y(clamp(power, low, high));
    if (norm === 0) return draw("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` });
    if (power < low) return draw("path", { d: `M${x - 5} ${y - 4}h10l-5 8z` });
    if (power > high) return draw("path", { d: `M${x - 5} ${y + 4}h10l-5 -8z` });
    return draw("circle", { cx: x, cy: y, r: 3.5 });
  }

  // A line through the logarithms; it breaks where one is missing, and is cut at the edges.
  function trace(values, [low, high]) {
    let pen = "M";
    return values.reduce((path, value, i) => {
      if (value === 0) {
        pen = "M";
        return path;
      }
      const y = plot.y(clamp(Math.log10(value), low - 100, high + 100));
      const step = `${pen}${plot.x(i + 1).toFixed(2)} ${y.toFixed(2)}`;
      pen = "L";
      return path + step;
    }, "");
  }

  function redraw(state, width) {
    const { norms, bounds } = network.measure(state);
    const range = limits(norms);
    frame(norms.length, range, width);
    line.setAttribute("d", trace(norms, range));
    bound.setAttribute("d", trace(bounds, range));
    dots.replaceChildren(...norms.map((norm, i) => mark(norm, i + 1, range)));
    depth.set({ min: depths[0], max: depths[1], step: 1, value: state.depth, text: `${state.depth} layers` });
    activation.set(state.activation);
    init.set(state.init);
    gain.set({ min: gains[0], max: gains[1], step: 0.1, notch: 0.02, value: state.gain, text: `times ${state.gain}` });
    return describe(norms, bounds);
  }

  // The same words as `GradientExplorer.describe`.
  function describe(norms, bounds) {
    const short = (value) => (value ? scientific(value) : "0");
    const [first, last] = [norms[0], norms.at(-1)];
    const zeros = norms.filter((norm) => norm === 0).length;
    return (
      `Norm of δ: first layer ${short(first)}, last ${short(last)}; ` +
      `${last ? `first/last ${short(first / last)}` : "no ratio"}.` +
      `${zeros ? ` Exactly 0 in ${zeros} of ${norms.length} layers.` : ""}` +
      ` The bound allows the first layer ${short(bounds[0])}.`
    );
  }

  const view = run(element, host, { parts: [controls, plot.svg, legend], accept, redraw });
  return Object.assign(view, { measure: (state) => network.measure(state) });
};
