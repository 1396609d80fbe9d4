// Activation functions and their slopes, as torch has them.

// erfc(z) for z >= 0, with a relative error of 1.2e-7: Press et al., Numerical Recipes (1992), 6.2.
function erfc(z) {
  const t = 1 / (1 + 0.5 * z);
  const terms = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418,
    0.37409196, 1.00002368, -1.26551223,
  ];
  return t * Math.exp(-z * z + terms.reduce((sum, term) => sum * t + term));
}

const logistic = (x) => 1 / (1 + Math.exp(-x));
const normal = (x) => (x < 0 ? erfc(-x / Math.SQRT2) : 2 - erfc(x / Math.SQRT2)) / 2;
const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

// Name: f(x, p) and f'(x, p), at kinks as torch has it; p is the parameter.
const ACTIVATIONS = {
  sigmoid: [logistic, (x) => logistic(x) * (1 - logistic(x))],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  relu: [(x) => Math.max(x, 0), (x) => Number(x > 0)],
  relu6: [(x) => clamp(x, 0, 6), (x) => Number(x > 0 && x < 6)],
  elu: [(x, p) => (x > 0 ? x : p * Math.expm1(x)), (x, p) => (x > 0 ? 1 : p * Math.exp(x))],
  selu: [
    (x) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
    (x) => SELU.scale * (x > 0 ? 1 : SELU.alpha * Math.exp(x)),
  ],
  celu: [(x, p) => (x > 0 ? x : p * Math.expm1(x / p)), (x, p) => (x > 0 ? 1 : Math.exp(x / p))],
  gelu: [(x) => x * normal(x), (x) => normal(x) + x * density(x)],
  leaky_relu: [(x, p) => (x > 0 ? x : p * x), (x, p) => (x > 0 ? 1 : p)],
  tanhshrink: [(x) => x - Math.tanh(x), (x) => Math.tanh(x) ** 2],
  softplus: [
    (x, p) => (p * x > 20 ? x : Math.log1p(Math.exp(p * x)) / p),
    (x, p) => (p * x > 20 ? 1 : logistic(p * x)),
  ],
};
