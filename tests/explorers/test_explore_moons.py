"""The network that trains in the page: its gradient and its steps are torch's."""

import pytest
import torch
from explorer_page import barriers, explorer_page, picture_of
from playwright.sync_api import expect
from torch import nn

from nnlab_course.explorers.moons import MoonsTrainer

BENDS = {"none": nn.Identity, "tanh": nn.Tanh, "relu": nn.ReLU}

# Takes so many steps; returns the weights before, the loss and its gradient there, and the weights
# after.
LEARN = """([name, steps]) => {
    const { begin, backward, adam } = document.querySelector(".nnlab-explorer").explorer;
    const list = (layers) => layers.flatMap(({ weight, bias }) => [[...weight], [...bias]]);
    const layers = begin(3);
    const { loss, gradient } = backward(layers, name);
    const before = list(layers);
    const memory = {};
    for (let i = 0; i < steps; i++) adam(layers, backward(layers, name).gradient, memory);
    return { before, loss, gradient: list(gradient), after: list(layers) };
}"""


def torch_network(name, numbers):
    first, second, last = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 2)
    model = nn.Sequential(first, BENDS[name](), second, BENDS[name](), last).double()
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), numbers, strict=True):
            parameter.copy_(torch.tensor(values).view_as(parameter))
    return model


def test_javascript_computes_the_loss_the_gradient_and_the_steps_of_torch(browser):
    trainer = MoonsTrainer()
    trainer.points = trainer.points.double()
    with explorer_page(browser, MoonsTrainer()) as page:
        found = {name: page.evaluate(LEARN, [name, 5]) for name in BENDS}
    for name, numbers in found.items():
        model = torch_network(name, numbers["before"])
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for step in range(5):
            optimizer.zero_grad()
            loss = trainer.loss(model)
            loss.backward()
            if step == 0:
                assert numbers["loss"] == pytest.approx(loss.item(), abs=1e-5)
                for parameter, slopes in zip(model.parameters(), numbers["gradient"], strict=True):
                    assert (parameter.grad.flatten() - torch.tensor(slopes)).abs().max() < 1e-5
            optimizer.step()
        for parameter, values in zip(model.parameters(), numbers["after"], strict=True):
            assert (parameter.flatten() - torch.tensor(values)).abs().max() < 1e-5


def test_begins_as_torch_does(browser):
    with explorer_page(browser, MoonsTrainer()) as page:
        numbers = page.evaluate(LEARN, ["tanh", 0])["before"]
    for values, inputs in zip(numbers, (2, 2, 16, 16, 16, 16), strict=True):
        limit = inputs**-0.5
        assert 0.8 * limit < torch.tensor(values).abs().max() <= limit or len(values) == 2
    everything = torch.cat([torch.tensor(values) for values in numbers])
    assert len(everything) == 354
    assert everything.mean().abs() < 0.05


def test_the_border_bends_with_an_activation_alone(browser):
    # Who wants no movement gets the end at once.
    with explorer_page(browser, MoonsTrainer(), reduced_motion="reduce", has_touch=True) as page:
        words = page.get_by_role("status")
        start = page.get_by_role("button", name="Start")
        expect(words).to_contain_text("tanh, after 0 steps")
        seen = {picture_of(page)}
        start.click()
        expect(words).to_contain_text("after 300 steps: loss 0.0")
        expect(words).to_contain_text("100.0 % of the points right")
        seen.add(picture_of(page))
        page.get_by_label("activation").focus()
        page.keyboard.press("ArrowUp")
        expect(words).to_contain_text("No activation, after 0 steps")
        start.focus()
        page.keyboard.press("Enter")
        expect(words).to_contain_text("No activation, after 300 steps: loss 0.2")
        seen.add(picture_of(page))
        page.get_by_role("button", name="Reset").click()
        expect(words).to_contain_text("No activation, after 0 steps")
        page.get_by_role("button", name="Other weights").tap()
        page.wait_for_url("**/?activation=none&seed=1")
        page.get_by_role("button", name="One step").click()
        expect(words).to_contain_text("after 1 step:")
        seen.add(picture_of(page))
        assert len(seen) == 4


def test_runs_until_it_is_stopped(browser):
    with explorer_page(browser, MoonsTrainer(), "?activation=relu&seed=7") as page:
        words = page.get_by_role("status")
        page.get_by_role("button", name="Start").click()
        expect(words).to_contain_text("relu, step")
        assert words.get_attribute("aria-live") == "off", "each step would be read out"
        page.get_by_role("button", name="Stop").click()
        expect(words).to_contain_text("relu, after")
        stopped = words.inner_text()
        page.evaluate("new Promise(requestAnimationFrame)")
        assert words.inner_text() == stopped


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone_and_has_no_barrier(browser, scheme):
    with explorer_page(browser, MoonsTrainer(), size=(390, 844)) as page:
        page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"activation": "gelu"}, "activation is 'gelu'; give one of none, tanh, relu"),
        ({"seed": -1}, "seed is -1; give a whole number from 0 to 999"),
        ({"seed": 1.5}, r"seed is 1.5; give a whole number"),
    ],
)
def test_refuses_and_changes_nothing(wrong, message):
    with pytest.raises(ValueError, match=message):
        MoonsTrainer(**wrong)
    trainer = MoonsTrainer()
    with pytest.raises(ValueError, match=message):
        trainer.set(**wrong)
    assert trainer.state == {"activation": "tanh", "seed": 0}


def test_words():
    assert MoonsTrainer().describe().endswith("100.0% of the points right.")
    assert MoonsTrainer("none").describe().startswith("none, after 300 steps: loss 0.2")
