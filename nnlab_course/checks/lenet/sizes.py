"""4.2 and 4.3: the sizes of maps, the numbers of parameters"""

# A plain module, edited here.

from nnlab_course.checks.common.inputs import whole_number
from nnlab_course.exercises import Exercise, Mistake

map_sizes = Exercise(
    id="4.2",
    slug="map-sizes",
    title="How large is a map?",
    judges={
        "my_size_plain": whole_number(
            26,
            Mistake("one-short", "one place of the kernel is missing; count again", 25),
            Mistake(
                "size-kept",
                "without padding the kernel can't sit on the border: the map shrinks",
                30,
            ),
            Mistake(
                "half-kernel", "the kernel takes something off at both ends, not at one only", 28
            ),
            Mistake("whole-kernel-twice", "this takes off the size of the kernel twice", 20),
        ),
        "my_size_padded": whole_number(
            28,
            Mistake("padding-forgotten", "the padding is missing", 26),
            Mistake("padding-on-one-side", "padding is added at both ends, not at one only", 27),
            Mistake(
                "size-kept",
                "a padding of 1 does not make up for what a kernel of 5 takes off",
                30,
            ),
            Mistake("padding-subtracted", "padding makes the map larger, not smaller", 24),
        ),
        "my_size_strided": whole_number(
            15,
            Mistake("stride-forgotten", "the kernel visits only every second place", 30),
            Mistake("rounded-up", "round down, not up: the last step doesn't fit", 16),
            Mistake(
                "one-short",
                "either the padding is missing, or the first place of the kernel was not counted",
                14,
            ),
            Mistake("not-rounded", "the size is a whole number: round down", 15.5),
            Mistake("stride-as-difference", "divide by the stride, don't take it away", 28),
        ),
        "my_size_pooled": whole_number(
            13,
            Mistake("pooling-forgotten", "the pooling is missing", 26),
            Mistake("pooled-first", "the convolution comes first, the pooling second", 11),
            Mistake("convolution-forgotten", "the convolution before the pooling is missing", 15),
            Mistake("pooled-as-kernel", "pooling by 2 divides the size, it doesn't slide", 25),
            Mistake("pooled-twice", "too much: only one pooling follows", 6),
        ),
    },
    hints=(
        "The section “Padding and stride” has a formula for all of these.",
        "Write down n, k, p and s for each layer before you put them in. What has no padding has "
        "p = 0, and what has no stride has s = 1.",
        "The brackets without a top mean: round down. A pooling of 2 is one more step: it halves "
        "what the convolution returns.",
    ),
    points=4,
)


_NO_BIASES = "these are the weights; count the biases as well"

parameter_counts = Exercise(
    id="4.3",
    slug="parameter-counts",
    title="How many parameters?",
    judges={
        "my_convolution_parameters": whole_number(
            370,
            Mistake("no-biases", _NO_BIASES, 360),
            Mistake(
                "biases-subtracted", "the biases are added to the weights, not subtracted", 350
            ),
            Mistake(
                "one-kernel-per-output",
                "each output channel has a kernel for every input channel, not just one",
                100,
            ),
            Mistake(
                "one-kernel-per-input",
                "each input channel has a kernel for every output channel, not just one",
                46,
            ),
            Mistake(
                "bias-per-kernel", "there is one bias per output channel, not one per kernel", 400
            ),
            Mistake("one-bias", "every output channel has a bias of its own", 361),
            Mistake("bias-per-input", "the biases belong to the output channels", 364),
            Mistake("side-of-kernel", "a kernel has two sides: how many numbers is that?", 130),
        ),
        "my_linear_parameters": whole_number(
            2020,
            Mistake("no-biases", _NO_BIASES, 2000),
            Mistake(
                "biases-subtracted", "the biases are added to the weights, not subtracted", 1980
            ),
            Mistake("bias-per-input", "there is one bias per output, not one per input", 2100),
            Mistake("sum-for-product", "every input has a weight for every output", 120),
            Mistake("one-bias", "every output has a bias of its own", 2001),
            Mistake("outputs-alone", "this counts the outputs", 20),
        ),
        "my_num_features": whole_number(
            64,
            Mistake(
                "not-multiplied",
                "these are the maps and their sides; how many numbers are that together?",
                (16, 2, 2),
                (2, 2, 16),
                (16, 4),
            ),
            Mistake("one-map", "this is one map; how many are there?", 4),
            Mistake("side-for-area", "a map has two sides", 32),
            Mistake(
                "one-pooling",
                "too many: only one pooling is counted, or the images are those of 28 × 28",
                256,
            ),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                400,
            ),
            Mistake("no-pooling", "the poolings are missing", 16 * 12 * 12),
            Mistake("first-maps", "the second convolution has more maps than 6", 24),
        ),
    },
    hints=(
        "Look at the layer table of the lesson, and check two or three of its numbers by hand.",
        "A convolution has one kernel for each pair of an input and an output channel, and one "
        "bias per output channel; a linear layer a weight for each pair of numbers.",
        "For the last one take the side through all four layers, 20 → … → …, before you count: "
        "maps times height times width.",
    ),
    points=3,
)
