"""The encoder's recipe: the generator stays as it is, and going on from a state is going on."""

import copy

import torch

from training.config import EncoderConfig
from training.networks.tessera import Generator
from training.recipes.encoder import EncoderRecipe

CPU = torch.device("cpu")


def recipe() -> EncoderRecipe:
    torch.manual_seed(0)
    generator = Generator(32, 4, num_classes=2, z_dim=6).eval()
    return EncoderRecipe(EncoderConfig(batch_size=4, warm_up_steps=1), generator, CPU, torch.rand(8, 4, 32, 32) * 2 - 1)


def step(recipe: EncoderRecipe) -> dict[str, torch.Tensor]:
    return recipe.step(torch.rand(4, 4, 32, 32) * 2 - 1, torch.tensor([0, 1, 1, 0]), 0.1)


def weights(recipe: EncoderRecipe, part: str) -> torch.Tensor:
    state = recipe.published.state_dict()
    return torch.cat([value.flatten() for name, value in state.items() if name.startswith(part)])


def test_a_step_moves_the_encoder_and_not_the_generator() -> None:
    learner = recipe()
    generator, encoder = weights(learner, "generator."), weights(learner, "encoder.")
    numbers = step(learner)
    assert numbers.keys() == {"Loss/latents", "Loss/pixels", "Loss/features"}
    assert all(torch.isfinite(value) and not value.requires_grad for value in numbers.values())
    assert torch.equal(weights(learner, "generator."), generator)
    assert not torch.equal(weights(learner, "encoder."), encoder)


def test_going_on_from_a_state_is_going_on() -> None:
    learner = recipe()
    step(learner)
    state = copy.deepcopy(learner.state())
    random = torch.get_rng_state()
    step(learner)
    again = recipe()
    again.load(state)
    torch.set_rng_state(random)
    step(again)
    assert torch.equal(weights(again, "encoder."), weights(learner, "encoder."))


def test_it_learns() -> None:
    learner = recipe()
    torch.manual_seed(1)
    images, labels = torch.rand(4, 4, 32, 32) * 2 - 1, torch.tensor([0, 1, 1, 0])
    losses = [sum(learner.step(images, labels, 0.0).values()) for _ in range(20)]
    assert losses[-1] < 0.95 * losses[0]
