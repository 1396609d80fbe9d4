"""A program that writes digits by hand: many hands, each with forms, slant and wobble."""

import math
import random


def arc(x, y, width, height, start, end, steps=10):
    """List points of an ellipse around (x, y), from one angle to another; 90 degrees is below."""
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


LOWER_BOWL = arc(0.45, 0.68, 0.29, 0.29, -110, 145)

# Each digit's forms; a form is a list of strokes in a box of 1 by 1, y downwards.
FORMS = [
    [[arc(0.5, 0.5, 0.3, 0.48, -90, 270)], [arc(0.5, 0.5, 0.24, 0.48, -60, 300)]],
    [
        [[(0.5, 0.02), (0.5, 0.98)]],
        [[(0.32, 0.22), (0.52, 0.02), (0.52, 0.98)]],
        [[(0.36, 0.2), (0.5, 0.04), (0.5, 0.96)], [(0.28, 0.96), (0.72, 0.96)]],
    ],
    [
        [[*arc(0.5, 0.28, 0.27, 0.26, -170, 20), (0.68, 0.5), (0.24, 0.96), (0.78, 0.96)]],
        [[*arc(0.5, 0.27, 0.26, 0.25, -160, 40), (0.22, 0.95), (0.5, 0.9), (0.8, 0.96)]],
    ],
    [
        [arc(0.46, 0.26, 0.26, 0.24, -150, 90, 8) + arc(0.46, 0.74, 0.29, 0.25, -90, 150, 8)],
        [[(0.22, 0.04), (0.72, 0.04), (0.45, 0.4), *arc(0.44, 0.68, 0.29, 0.29, -80, 150)]],
    ],
    [
        [[(0.58, 0.02), (0.2, 0.62), (0.84, 0.62)], [(0.64, 0.3), (0.64, 0.98)]],
        [[(0.26, 0.04), (0.24, 0.5), (0.76, 0.5)], [(0.74, 0.04), (0.72, 0.98)]],
    ],
    [
        [[(0.74, 0.04), (0.32, 0.04), (0.28, 0.44), *LOWER_BOWL]],
        [[(0.3, 0.05), (0.27, 0.46), *LOWER_BOWL], [(0.3, 0.05), (0.76, 0.04)]],
    ],
    [
        [[(0.66, 0.03), (0.45, 0.2), (0.3, 0.45), *arc(0.5, 0.72, 0.25, 0.25, 180, -180, 14)]],
        [arc(0.62, 0.5, 0.36, 0.48, -80, -180, 6) + arc(0.5, 0.72, 0.25, 0.25, 180, -170, 14)],
    ],
    [
        [[(0.2, 0.05), (0.8, 0.05), (0.42, 0.98)]],
        [[(0.2, 0.05), (0.8, 0.05), (0.6, 0.4), (0.46, 0.98)]],
        [[(0.2, 0.05), (0.8, 0.05), (0.45, 0.98)], [(0.35, 0.5), (0.75, 0.48)]],
    ],
    [
        [arc(0.5, 0.26, 0.22, 0.23, 90, -270, 12) + arc(0.5, 0.73, 0.27, 0.25, -90, 270, 12)],
        [
            [
                *arc(0.5, 0.27, 0.23, 0.24, -30, -270),
                *arc(0.5, 0.74, 0.26, 0.24, -90, 250),
                (0.68, 0.16),
            ]
        ],
    ],
    [
        [[*arc(0.5, 0.28, 0.25, 0.26, 0, -360, 14), (0.74, 0.5), (0.68, 0.98)]],
        [
            [
                *arc(0.5, 0.28, 0.25, 0.26, -20, -340, 14),
                (0.74, 0.6),
                *arc(0.5, 0.68, 0.24, 0.29, 0, 120, 6),
            ]
        ],
    ],
]


def write(digit, hand):
    """Write a digit in the hand of this number; list its strokes, within about 0.1 to 0.9."""
    style = random.Random(hand)
    slant, width = style.uniform(-0.1, 0.35), style.uniform(0.75, 1.15)
    turn, wobble = math.radians(style.uniform(-8, 8)), style.uniform(0, 0.035)
    chance = random.Random(100 * hand + digit)
    across, along = chance.uniform(0, 6), chance.uniform(0, 6)

    def place(number, x, y):
        x = (x - 0.5) * width + slant * (0.5 - y) + wobble * math.sin(across + number / 2)
        y = y - 0.5 + wobble * math.sin(along + number / 2)
        turned = (x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn))
        return tuple(0.5 + 0.7 * part for part in turned)

    strokes = chance.choice(FORMS[digit])
    return [[place(number, *point) for number, point in enumerate(stroke)] for stroke in strokes]


def draw_by_mouse(page, strokes):
    """Draw on the page's pad, which is empty, and return what the network says: "7, 99.1 %"."""
    pad = page.locator(".nnlab-pad")
    pad.hover()  # which waits until it stands still, in view
    box = pad.bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
    page.locator(f".nnlab-draw[data-answered='{len(strokes)}']").wait_for()
    return page.locator(".nnlab-answer").inner_text()


def clear(page):
    """Empty the page's pad."""
    button = page.get_by_role("button", name="Clear")
    if button.is_enabled():
        button.click()


def count_right(page, hands):
    """Write every digit in so many hands on the page's pad; return the share that is read right."""
    right = 0
    for hand in range(hands):
        for digit in range(10):
            clear(page)
            right += draw_by_mouse(page, write(digit, hand)).startswith(f"{digit},")
    return right / (10 * hands)


def write_one_by_keys(page):
    """Write a one with the keyboard alone, from the pad's middle, and return the answer."""
    clear(page)
    page.locator(".nnlab-pad").focus()
    keys = ["ArrowUp"] * 10 + ["Space"] + ["ArrowDown"] * 20 + ["Space"]
    for key in keys:
        page.keyboard.press(key)
    page.locator(".nnlab-draw[data-answered='1']").wait_for()
    return page.locator(".nnlab-answer").inner_text()
