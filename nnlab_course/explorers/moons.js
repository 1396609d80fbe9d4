// A network that learns two moons while one watches: lesson 1's, with its training, in JavaScript.

// --- the network: three linear layers, an activation function after the first two -----------

const WIDTHS = [2, 16, 16, 2];

// Name: the function, and its slope, told from its value.
const BENDS = {
  none: [(z) => z, () => 1],
  tanh: [Math.tanh, (value) => 1 - value ** 2],
  relu: [(z) => Math.max(z, 0), (value) => Number(value > 0)],
};

// Numbers from 0 to 1, the same for the same seed: Marsaglia's xorshift of 32 bits.
function randomness(seed) {
  let bits = (seed + 1) * 0x9e3779b1;
  return () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return (bits >>> 0) / 2 ** 32;
  };
}

// As PyTorch begins: between -1 / √inputs and 1 / √inputs.
function begin(seed) {
  const random = randomness(seed);
  for (let i = 0; i < 10; i++) random();
  return WIDTHS.slice(1).map((outputs, depth) => {
    const limit = 1 / Math.sqrt(WIDTHS[depth]);
    const some = (count) => Float64Array.from({ length: count }, () => limit * (2 * random() - 1));
    return { weight: some(outputs * WIDTHS[depth]), bias: some(outputs) };
  });
}

// What every layer gives for a point: first the point itself, last the logits.
function forward(layers, name, point) {
  const values = [point];
  layers.forEach(({ weight, bias }, depth) => {
    const input = values[depth];
    const bend = depth < layers.length - 1 ? BENDS[name][0] : BENDS.none[0];
    const output = new Float64Array(bias.length);
    for (let unit = 0; unit < bias.length; unit++) {
      let z = bias[unit];
      for (let i = 0; i < input.length; i++) z += weight[unit * input.length + i] * input[i];
      output[unit] = bend(z);
    }
    values.push(output);
  });
  return values;
}

// The mean cross-entropy, its gradient, and how many points are right.
function backward(layers, name, points, labels) {
  const gradient = layers.map(({ weight, bias }) => ({
    weight: new Float64Array(weight.length),
    bias: new Float64Array(bias.length),
  }));
  let [loss, right] = [0, 0];
  points.forEach((point, n) => {
    const values = forward(layers, name, point);
    const logits = values.at(-1);
    const largest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    const total = powers[0] + powers[1];
    loss += (Math.log(total) + largest - logits[labels[n]]) / points.length;
    right += Number(logits[labels[n]] === largest);
    // δ, the gradient of a layer's pre-activations: at the end, probabilities less the truth.
    let delta = powers.map((power, k) => (power / total - Number(k === labels[n])) / points.length);
    for (let depth = layers.length - 1; depth >= 0; depth--) {
      const input = values[depth];
      const { weight, bias } = gradient[depth];
      const back = new Float64Array(input.length);
      for (let unit = 0; unit < delta.length; unit++) {
        bias[unit] += delta[unit];
        for (let i = 0; i < input.length; i++) {
          weight[unit * input.length + i] += delta[unit] * input[i];
          back[i] += delta[unit] * layers[depth].weight[unit * input.length + i];
        }
      }
      delta = back.map((value, i) => value * BENDS[name][1](input[i]));
    }
  });
  return { loss, right, gradient };
}

// One step of Adam, as PyTorch takes it.
function adam(layers, gradient, memory, lr = 0.05) {
  memory.step = (memory.step ?? 0) + 1;
  const [first, second] = [1 - 0.9 ** memory.step, 1 - 0.999 ** memory.step];
  layers.forEach((layer, depth) => {
    for (const part of ["weight", "bias"]) {
      const kept = (memory[`${part} ${depth}`] ??= layer[part].map(() => 0));
      const squares = (memory[`${part} ${depth} squared`] ??= layer[part].map(() => 0));
      gradient[depth][part].forEach((slope, i) => {
        kept[i] = 0.9 * kept[i] + 0.1 * slope;
        squares[i] = 0.999 * squares[i] + 0.001 * slope ** 2;
        layer[part][i] -= (lr * kept[i]) / first / (Math.sqrt(squares[i] / second) + 1e-8);
      });
    }
  });
}

// --- the picture ------------------------------------------------------------------------------

const WORLD = { left: -1.6, right: 2.6, bottom: -1.1, top: 1.6 };
const CELLS = 40; // in a row; between them the logits are interpolated
const ROWS = Math.round((CELLS * (WORLD.top - WORLD.bottom)) / (WORLD.right - WORLD.left));
const FINER = 6;

// How much larger the second logit is, at the corners of the cells.
function landscape(layers, name) {
  const field = new Float64Array((CELLS + 1) * (ROWS + 1));
  const point = new Float64Array(2);
  for (let row = 0; row <= ROWS; row++) {
    for (let column = 0; column <= CELLS; column++) {
      point[0] = WORLD.left + (column / CELLS) * (WORLD.right - WORLD.left);
      point[1] = WORLD.top - (row / ROWS) * (WORLD.top - WORLD.bottom);
      const logits = forward(layers, name, point).at(-1);
      field[row * (CELLS + 1) + column] = logits[1] - logits[0];
    }
  }
  return field;
}

// Colour by the larger logit, paler where the network isn't sure; a shade in 32 bits each.
function paintRegions(picture, field, paper, colours) {
  const SHADES = 64;
  const shade = (colour, share) => {
    const parts = Uint8Array.from(paper, (part, i) => part + share * (colour[i] - part));
    return new Uint32Array(parts.buffer)[0];
  };
  const palettes = colours.map((colour) =>
    Array.from({ length: SHADES + 1 }, (_, i) => shade(colour, 0.18 + (0.22 * i) / SHADES)),
  );
  const pixels = new Uint32Array(picture.data.buffer);
  for (let y = 0; y < picture.height; y++) {
    const row = Math.floor(y / FINER);
    const low = (y + 0.5) / FINER - row;
    for (let x = 0; x < picture.width; x++) {
      const column = Math.floor(x / FINER);
      const far = (x + 0.5) / FINER - column;
      const corner = row * (CELLS + 1) + column;
      const above = (1 - far) * field[corner] + far * field[corner + 1];
      const below = (1 - far) * field[corner + CELLS + 1] + far * field[corner + CELLS + 2];
      const value = (1 - low) * above + low * below;
      const sure = Math.abs(Math.tanh(value / 2));
      pixels[y * picture.width + x] = palettes[Number(value > 0)][Math.round(SHADES * sure)];
    }
  }
}

const seen = new Map(); // Colours, as a style sheet writes them, in red, green, blue, opacity

function channels(colour) {
  if (!seen.has(colour)) {
    const context = make("canvas").getContext("2d");
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    seen.set(colour, [...context.getImageData(0, 0, 1, 1).data]);
  }
  return seen.get(colour);
}

// --- the explorer -----------------------------------------------------------------------------

explorers.moons = function (element, host) {
  const END = host.data.steps;
  const labels = [...host.data.labels].map(Number);
  // An array of the layers' kind: where both kinds come, forward takes twice as long.
  const places = Float64Array.from(host.data.points.split(" "), Number);
  const points = labels.map((_, n) => places.subarray(2 * n, 2 * n + 2));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let [shown, layers, memory, outcome] = [null, null, null, null];
  let running = false;
  let frame = 0;

  function accept({ activation, seed }) {
    if (!Object.hasOwn(BENDS, activation)) activation = "tanh";
    return { activation, seed: clamp(Math.round(Number(seed)) || 0, 0, 999) };
  }

  const names = Object.keys(BENDS).map((name) => [name, name]);
  const choice = chooser("activation", names, (name) => view.change({ activation: name }));
  const button = (text, act) => {
    const made = make("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  };
  const toggle = button("Start", () => (running ? stop() : start()));
  const one = button("One step", () => {
    stop();
    learn();
    view.show(view.state);
  });
  const reset = button("Reset", () => {
    restart(view.state);
    stop();
  });
  const again = button("Other weights", () => view.change({ seed: (view.state.seed + 1) % 1000 }));
  const steps = make("div", { class: "nnlab-steps" }, toggle, one, reset, again);
  const controls = make("div", { class: "nnlab-controls" }, choice.element, steps);
  const canvas = make("canvas", { role: "img", class: "nnlab-moons" });
  const small = make("canvas", { width: CELLS * FINER, height: ROWS * FINER });
  const picture = new ImageData(small.width, small.height);

  const measure = (state) => backward(layers, state.activation, points, labels);

  function learn() {
    adam(layers, outcome.gradient, memory);
    outcome = measure(view.state);
  }

  // Whoever wants no movement gets the end at once.
  function start() {
    if (memory.step >= END) restart(view.state);
    running = !calm.matches;
    if (running) frame = requestAnimationFrame(tick);
    else while ((memory.step ?? 0) < END) learn();
    view.show(view.state);
  }

  function tick() {
    learn();
    if (memory.step >= END) stop();
    else frame = requestAnimationFrame(tick);
    view.show(view.state);
  }

  function stop() {
    running = false;
    cancelAnimationFrame(frame);
    view.show(view.state);
  }

  function restart(state) {
    [layers, memory] = [begin(state.seed), {}];
    outcome = measure(state);
  }

  function paint(state, width) {
    const style = getComputedStyle(canvas);
    const [paper, ...colours] = ["--paper", "--first", "--second"].map((name) =>
      channels(style.getPropertyValue(name)),
    );
    paintRegions(picture, landscape(layers, state.activation), paper, colours);
    small.getContext("2d").putImageData(picture, 0, 0);
    const size = [Math.min(width - 8, 640), (Math.min(width - 8, 640) * ROWS) / CELLS];
    [canvas.width, canvas.height] = size.map((length) => Math.round(length * devicePixelRatio));
    canvas.style.width = `${size[0]}px`;
    const context = canvas.getContext("2d");
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    const scale = canvas.width / (WORLD.right - WORLD.left);
    context.strokeStyle = `rgb(${paper.slice(0, 3)})`;
    context.lineWidth = devicePixelRatio;
    points.forEach(([x, y], n) => {
      const [left, top] = [(x - WORLD.left) * scale, (WORLD.top - y) * scale];
      const radius = 3.5 * devicePixelRatio;
      context.beginPath();
      if (labels[n]) context.rect(left - radius, top - radius, 2 * radius, 2 * radius);
      else context.arc(left, top, radius, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${colours[labels[n]].slice(0, 3)})`;
      context.fill();
      context.stroke();
    });
  }

  function redraw(state, width) {
    const wanted = JSON.stringify(state);
    if (shown !== wanted) restart(state);
    shown = wanted;
    paint(state, width);
    choice.set(state.activation);
    toggle.textContent = running ? "Stop" : "Start";
    const { loss, right } = outcome;
    const step = memory.step ?? 0;
    const share = `${((100 * right) / points.length).toFixed(1)} %`;
    const after = step === 1 ? "after 1 step" : `after ${step} steps`;
    const when = running ? `step ${step}` : after;
    canvas.setAttribute("aria-label", `${host.data.title}, ${when}`);
    // Read out each step, it would be too much.
    const live = running ? "off" : "polite";
    element.querySelector(".nnlab-words").setAttribute("aria-live", live);
    const bend = state.activation === "none" ? "No activation" : state.activation;
    return `${bend}, ${when}: loss ${loss.toFixed(4)}, ${share} of the points right.`;
  }

  const view = run(element, host, { parts: [controls, canvas], accept, redraw });
  const theme = new MutationObserver(() => view.show(view.state));
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const { remove } = view;
  return Object.assign(view, {
    begin,
    backward: (layers, name) => backward(layers, name, points, labels),
    adam,
    remove() {
      theme.disconnect();
      cancelAnimationFrame(frame);
      remove();
    },
  });
};
