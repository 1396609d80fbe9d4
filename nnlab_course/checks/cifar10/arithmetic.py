"""5.1: parameters and features of a LeNet for colour images"""

# A plain module, edited here.

from nnlab_course.checks.common.inputs import whole_number
from nnlab_course.exercises import Exercise, Mistake

_NO_BIASES = "these are the weights; the biases are to be counted as well"

colour_arithmetic = Exercise(
    id="5.1",
    slug="colour-arithmetic",
    title="The arithmetic of colour",
    judges={
        "my_convolution": whole_number(
            456,
            Mistake("grey", "this belongs to grey images: a colour image has three channels", 156),
            Mistake("no-biases", _NO_BIASES, 450),
            Mistake("bias-per-kernel", "there is one bias per output channel", 468),
            Mistake(
                "kernels-shared",
                "every output channel has kernels of its own for the three colours",
                81,
            ),
            Mistake("side-of-kernel", "a kernel of size 5 has 5 × 5 numbers", 96),
            Mistake(
                "outputs",
                "this counts what comes out; asked for is how much the layer has to learn",
                6 * 28 * 28,
            ),
        ),
        "my_num_features": whole_number(
            400,
            Mistake("grey", "these are the features of the digits, which are smaller", 256),
            Mistake(
                "times-three",
                "a map has no colours any more: the first convolution adds up over them",
                1200,
            ),
            Mistake("one-map", "this is one map; how many are there?", 25),
            Mistake("side-for-area", "a map has two sides", 80),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                1024,
            ),
            Mistake("one-pooling", "one more pooling follows", 1600),
            Mistake("first-maps", "the second convolution has more maps than 6", 150),
        ),
        "my_linear": whole_number(
            48_120,
            Mistake("no-biases", _NO_BIASES, 48_000),
            Mistake("grey", "this belongs to the digits, which are smaller", 30_840),
            Mistake("bias-per-input", "there is one bias per output, not one per input", 48_400),
            Mistake("sum-for-product", "every input has a weight for every output", 520),
            Mistake("one-bias", "every output has a bias of its own", 48_001),
        ),
        "my_num_features_64": whole_number(
            2704,
            Mistake(
                "four-times",
                "not four times as many: the convolutions take the same 4 pixels off a larger map",
                1600,
            ),
            Mistake("twice", "a map has two sides, and both become larger", 800),
            Mistake("not-larger", "larger images have larger maps, and so more features", 400),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                4096,
            ),
            Mistake("one-map", "this is one map; how many are there?", 169),
            Mistake("side-for-area", "a map has two sides", 208),
            Mistake("first-maps", "the second convolution has more maps than 6", 1014),
        ),
    },
    hints=(
        "The kernels of the first convolution are 5 × 5 for each of three colours. How many of "
        "these blocks are there, and how many biases?",
        "Take the side through the layers: each convolution takes 4 off, each pooling halves. "
        "Then count all maps of the second convolution.",
        "The first linear layer returns 120 numbers: a weight for each pair, and a bias each.",
    ),
    points=4,
)
