"""5.1: parameters and features of a LeNet for images of four channels"""

# A plain module, edited here.

from nnlab_course.checks.common.inputs import whole_number
from nnlab_course.exercises import Exercise, Mistake

_NO_BIASES = "these are the weights; the biases count as well"
_ONE_MAP = "these are the features of one map; how many maps are there?"
_SIDE = "a map has a height and a width: square its side"
_FIRST_MAPS = "the second convolution has 16 maps, not 6"
_NO_SHRINKING = (
    "each convolution takes 4 pixels off as well; here only the poolings shrink the maps"
)
_FOUR_TIMES = (
    "this is four times too many. Is the second pooling missing? The four channels don't count "
    "here: the first convolution adds up over them"
)

colour_arithmetic = Exercise(
    id="5.1",
    slug="colour-arithmetic",
    title="The arithmetic of colour",
    judges={
        "my_convolution": whole_number(
            606,
            Mistake("three-channels", "this is for three channels; these images have four", 456),
            Mistake("grey", "this is for one channel; these images have four", 156),
            Mistake("no-biases", _NO_BIASES, 600),
            Mistake(
                "biases-subtracted", "the biases are added to the weights, not subtracted", 594
            ),
            Mistake("one-bias", "each of the six output channels has a bias", 601),
            Mistake("bias-per-kernel", "there is one bias per output channel", 624),
            Mistake(
                "kernels-shared",
                "each of the six output channels has kernels of its own for the four channels",
                106,
            ),
            Mistake("side-of-kernel", "a kernel of size 5 has 5 × 5 numbers", 126),
            Mistake("other-layer", "this is for 16 output channels; the first layer has 6", 1616),
            Mistake(
                "outputs",
                "this counts the outputs; the task asks for the parameters",
                6 * 44 * 44,
            ),
        ),
        "my_num_features": whole_number(
            1296,
            Mistake("cifar10", "this is for images of 32 × 32 pixels; these have 48 × 48", 400),
            Mistake("grey", "this is for digits of 28 × 28 pixels; these images have 48 × 48", 256),
            Mistake("four-times", _FOUR_TIMES, 5184),
            Mistake("one-map", _ONE_MAP, 81),
            Mistake("side-for-area", _SIDE, 144),
            Mistake("no-shrinking", _NO_SHRINKING, 2304),
            Mistake(
                "one-convolution",
                "one of the two convolutions takes nothing off here; each takes 4 pixels",
                1600,
            ),
            Mistake(
                "one-convolution",
                "one of the two convolutions takes nothing off here; each takes 4 pixels",
                1936,
            ),
            Mistake("first-pooling", "the first pooling is missing", 6400),
            Mistake("first-maps", _FIRST_MAPS, 486),
        ),
        "my_linear": whole_number(
            155_640,
            Mistake("no-biases", _NO_BIASES, 155_520),
            Mistake(
                "biases-subtracted", "the biases are added to the weights, not subtracted", 155_400
            ),
            Mistake("cifar10", "this is for images of 32 × 32 pixels; these have 48 × 48", 48_120),
            Mistake("grey", "this is for digits of 28 × 28 pixels", 30_840),
            Mistake("bias-per-input", "there is one bias per output, not one per input", 156_816),
            Mistake("sum-for-product", "every input has a weight for every output", 1416),
            Mistake("one-bias", "every output has a bias of its own", 155_521),
            Mistake(
                "other-layer", "this is for 84 outputs; the first linear layer has 120", 108_948
            ),
        ),
        "my_num_features_64": whole_number(
            2704,
            Mistake(
                "proportional",
                "the number of features is not proportional to that of the pixels: the "
                "convolutions take the same 4 pixels off a larger map",
                2304,
            ),
            Mistake("not-larger", "larger images have larger maps, and so more features", 1296),
            Mistake("no-shrinking", _NO_SHRINKING, 4096),
            Mistake("four-times", _FOUR_TIMES, 10_816),
            Mistake("one-map", _ONE_MAP, 169),
            Mistake("side-for-area", _SIDE, 208),
            Mistake("first-maps", _FIRST_MAPS, 1014),
        ),
    },
    hints=(
        "In the first convolution, each output channel has one kernel of 5 × 5 per input channel, "
        "and one bias.",
        "Follow the side through the layers: each convolution takes 4 off, each pooling halves. "
        "Then count all maps of the second convolution.",
        "The first linear layer has 120 outputs: one weight for each pair of input and output, and "
        "one bias per output.",
    ),
    points=4,
)
