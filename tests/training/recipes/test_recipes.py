"""Every recipe: a step trains both sides, its state is whole, and what it publishes draws images."""

from collections.abc import Callable

import pytest
import torch

from training.config import DcganConfig, TesseraConfig, tessera_config
from training.recipes.dcgan import Dcgan
from training.recipes.recipe import Recipe
from training.recipes.tessera import Tessera

CPU = torch.device("cpu")
Make = Callable[[], Recipe]


def dcgan() -> Recipe:
    return Dcgan(DcganConfig(32, 3, z_dim=8, width=4, batch_size=4), CPU)


def tessera() -> Recipe:
    config = TesseraConfig(32, 3, num_classes=2, batch_size=4, augment=0.5)
    return Tessera(config, CPU, torch.rand(8, 3, 32, 32) * 2 - 1)


RECIPES = pytest.mark.parametrize("make", [dcgan, tessera])


def some_steps(recipe: Recipe, count: int) -> None:
    for step in range(count):
        recipe.step(torch.rand(4, 3, 32, 32) * 2 - 1, torch.tensor([0, 1, 1, 0]), step / 10)


def weights(recipe: Recipe) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in recipe.published.parameters()])


@RECIPES
def test_a_step_says_its_losses_and_moves_the_generator(make: Make) -> None:
    torch.manual_seed(0)
    recipe = make()
    before = weights(recipe).clone()
    numbers = recipe.step(torch.rand(4, 3, 32, 32) * 2 - 1, torch.tensor([0, 1, 1, 0]), 0.0)
    assert {"Loss/D", "Loss/G"} <= numbers.keys()
    assert all(torch.isfinite(value) and not value.requires_grad for value in numbers.values())
    assert not torch.equal(weights(recipe), before)


@RECIPES
def test_going_on_from_a_state_is_going_on(make: Make) -> None:
    torch.manual_seed(0)
    recipe = make()
    some_steps(recipe, 3)
    state, random = recipe.state(), torch.get_rng_state()
    state = {name: _copied(part) for name, part in state.items()}
    some_steps(recipe, 3)
    expected = weights(recipe)

    torch.manual_seed(0)
    again = make()
    again.load(state)
    torch.set_rng_state(random)
    some_steps(again, 3)
    assert torch.equal(weights(again), expected)


@RECIPES
def test_what_is_published_is_in_evaluation_mode(make: Make) -> None:
    recipe = make()
    assert not recipe.published.training


def test_the_features_fade() -> None:
    recipe = Tessera(TesseraConfig(32, 1), CPU, torch.rand(4, 1, 32, 32))
    weight = [recipe._feature_weight(progress) for progress in (0.0, 0.3, 0.6, 1.0)]
    assert weight == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_the_learning_rate_warms_up_and_falls() -> None:
    config = TesseraConfig(32, 1, warm_up_steps=1)
    recipe = Tessera(config, CPU, torch.rand(4, 1, 32, 32))
    rates = []
    for progress in (0.0, 0.5, 0.75, 1.0):
        recipe._schedule(progress)
        rates.append(recipe._adams["generator"].param_groups[0]["lr"] / config.lr)
    assert rates == pytest.approx([1.0, 1.0, 0.5625, 0.125])


def test_small_folders_are_augmented() -> None:
    assert tessera_config(300, 64, 3, 0).augment == 1.0
    assert tessera_config(10_000, 64, 3, 0).augment == 0.0


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images_are_learnt_too(channels: int) -> None:
    recipe = Tessera(TesseraConfig(32, channels, batch_size=4), CPU, torch.rand(4, channels, 32, 32))
    numbers = recipe.step(torch.rand(4, channels, 32, 32), torch.zeros(4, dtype=torch.int64), 0.0)
    assert all(torch.isfinite(value) for value in numbers.values())


def _copied(part: object) -> object:
    if isinstance(part, torch.Tensor):
        return part.clone()
    if isinstance(part, dict):
        return {key: _copied(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_copied(value) for value in part]
    return part
