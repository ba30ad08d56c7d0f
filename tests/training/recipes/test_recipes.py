"""Every recipe: a step trains it, its state is whole, and what it publishes draws images."""

from collections.abc import Callable

import pytest
import torch

from training.config import AutoencoderConfig, DcganConfig, TesseraConfig, autoencoder_config, tessera_config
from training.recipes.autoencoder import AutoencoderRecipe
from training.recipes.dcgan import Dcgan
from training.recipes.recipe import Recipe
from training.recipes.tessera import Examples, Tessera

CPU = torch.device("cpu")
Make = Callable[[], Recipe]


def dcgan() -> Recipe:
    return Dcgan(DcganConfig(64, 3, z_dim=8, width=4, batch_size=4), CPU)


def tessera() -> Recipe:
    images, labels = torch.rand(8, 3, 64, 64) * 2 - 1, torch.arange(8) % 2
    return Tessera(
        TesseraConfig(64, 3, num_classes=2, batch_size=4, grow_at=(0.25,)), CPU, lambda turn: (images, labels)
    )


def some_examples(channels: int, side: int = 32) -> Examples:
    images = torch.rand(6, channels, side, side) * 2 - 1
    return lambda turn: (images, torch.zeros(6, dtype=torch.int64))


def autoencoder() -> Recipe:
    config = AutoencoderConfig(64, 3, num_classes=2, batch_size=4, code_dim=6, components=2)
    return AutoencoderRecipe(config, CPU, torch.rand(8, 3, 64, 64) * 2 - 1, count=8)


RECIPES = pytest.mark.parametrize("make", [dcgan, tessera, autoencoder])


def some_steps(recipe: Recipe, count: int) -> None:
    for step in range(count):
        recipe.step(torch.rand(4, 3, 64, 64) * 2 - 1, torch.tensor([0, 1, 1, 0]), step / 10)


def weights(recipe: Recipe) -> torch.Tensor:
    return torch.cat([t.detach().float().flatten() for t in recipe.published.state_dict().values()])


@RECIPES
def test_a_step_says_its_losses_and_moves_the_generator(make: Make) -> None:
    torch.manual_seed(0)
    recipe = make()
    before = weights(recipe).clone()
    numbers = recipe.step(torch.rand(4, 3, 64, 64) * 2 - 1, torch.tensor([0, 1, 1, 0]), 0.0)
    assert any(name.startswith("Loss/") for name in numbers)
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


def test_the_learning_rate_warms_up_and_falls() -> None:
    config = TesseraConfig(32, 1, warm_up_steps=1)
    recipe = Tessera(config, CPU, some_examples(1))
    rates = []
    for progress in (0.0, 0.5, 0.75, 1.0):
        recipe._schedule(progress)
        rates.append(recipe._adams["generator"].param_groups[0]["lr"] / config.lr)
    assert rates == pytest.approx([1.0, 1.0, 0.5625, 0.125])


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_pictures_grow_from_32_pixels_to_the_whole(resolution: int) -> None:
    config = tessera_config(resolution, 1, 0)
    images = torch.rand(4, 1, resolution, resolution)
    recipe = Tessera(config, CPU, lambda turn: (images, torch.zeros(4, dtype=torch.int64)))
    sides = [recipe._side_at(progress) for progress in (0.0, *config.grow_at)]
    assert sides == [32 * 2**k for k in range(len(sides))]
    assert sides[-1] == resolution
    numbers = recipe.step(images, torch.zeros(4, dtype=torch.int64), 1.0)
    assert all(torch.isfinite(value) for value in numbers.values())


def test_a_growing_recipe_goes_on_from_its_state_at_any_side() -> None:
    recipe = tessera()
    some_steps(recipe, 2)
    assert recipe._generator.side == 32
    some_steps(recipe, 4)
    assert recipe._generator.side == 64
    again = tessera()
    again.load(recipe.state())
    assert again._generator.side == 64
    assert again.published(torch.randn(1, 64), torch.tensor([0])).shape == (1, 3, 64, 64)


def test_large_sets_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.recipes.tessera.EXAMPLES", 8)
    monkeypatch.setattr("training.recipes.tessera.TURN_STEPS", 2)
    asked: list[int] = []

    def examples(turn: int) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(turn)
        return torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(turn)), torch.arange(8) % 2

    recipe = Tessera(TesseraConfig(64, 3, num_classes=2, batch_size=4), CPU, examples)
    some_steps(recipe, 5)
    assert [turn for turn in asked if turn] == [1, 2]


def test_small_sets_are_described_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.recipes.tessera.TURN_STEPS", 2)
    recipe = Tessera(TesseraConfig(64, 3, batch_size=4), CPU, some_examples(3, 64))
    before = recipe._drift
    some_steps(recipe, 5)
    assert recipe._drift is before


@pytest.mark.parametrize(("classes", "components"), [(0, 10), (2, 10), (40, 5), (300, 1)])
def test_the_prior_is_sized_for_the_classes(classes: int, components: int) -> None:
    config = autoencoder_config(64, 3, classes)
    assert config.components == components
    assert config.prior_codes >= 64 * classes


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images_are_learnt_too(channels: int) -> None:
    recipe = Tessera(TesseraConfig(32, channels, batch_size=4), CPU, some_examples(channels))
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
