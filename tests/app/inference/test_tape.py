"""What can be recorded is recorded as it is; what could not be replayed for every input is refused, with the reason."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.inference.emit import emit
from app.inference.program import Batch, Call, Unsupported
from app.inference.tape import record


def recorded(module, z_dim=4, networks=None):
    forward = networks["scripted"](module) if networks else module
    with torch.inference_mode():
        return record(forward, torch.randn(3, z_dim), torch.zeros(3, dtype=torch.int64))


def replayed(program, z, label):
    source, constants = emit(program, onednn=False)
    with torch.inference_mode():
        return torch.jit.CompilationUnit(source).forward(z, label, constants.of_this_thread())


def test_a_recording_replays_bit_for_bit_at_other_batch_sizes(network, networks):
    spec = network.spec
    program = recorded(network, spec.z_dim, networks)
    for batch in (1, 2, 5, 17):
        z, label = torch.randn(batch, spec.z_dim), torch.arange(batch) % max(spec.num_classes, 1)
        with torch.inference_mode():
            torch.testing.assert_close(replayed(program, z, label), network(z, label), rtol=0, atol=1e-6)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.randn(4, 4))
        self.register_buffer("state", torch.zeros(4))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.function(self, z, label)


def test_what_depends_on_weights_alone_is_computed_once():
    program = recorded(Lambda(lambda m, z, label: z @ functional.softmax(m.weight * 2, 1).t()))
    assert [step.op for step in program.steps] == ["aten.matmul"]


def test_a_size_that_follows_the_batch_is_recorded_as_such():
    program = recorded(Lambda(lambda m, z, label: (z + torch.ones(z.size(0), 4)).reshape(4 * z.size(0))))
    sizes = [step.args for step in program.steps if isinstance(step, Call) and step.op in ("aten.ones", "aten.reshape")]
    assert sizes[0] == ([Batch(1), 4],)
    assert sizes[1][1] == [Batch(4)]


def test_operators_that_give_several_tensors_are_taken_apart():
    def function(module, z, label):
        first, second = z.chunk(2, 1)
        values, _ = torch.sort(z, 1)
        return torch.cat([second, first, values], 1)

    z = torch.randn(5, 4)
    torch.testing.assert_close(replayed(recorded(Lambda(function)), z, torch.zeros(5)), function(None, z, None))


def test_writes_in_place_happen_in_order():
    def function(module, z, label):
        x = z * 1.0
        x[:, 1:].mul_(3.0)
        y = x.view(-1, 2, 2)
        y.add_(1.0)
        return x.relu_()

    z = torch.randn(5, 4)
    torch.testing.assert_close(replayed(recorded(Lambda(function)), z, torch.zeros(5)), function(None, z, None))


def test_a_conversion_with_nothing_to_do_leaves_no_step():
    program = recorded(Lambda(lambda m, z, label: z.to(torch.float32).contiguous().mul(2.0).float()))
    assert [step.op for step in program.steps] == ["aten.mul"]


def by_batch(module, z, label):
    return z * 2 if z.size(0) == 2 else z + z


def by_value(module, z, label):
    return z * 2 if bool((z.square().sum() >= 0).item()) else z


def other_weights(module, z, label):
    return z * (module.weight[0] if z.size(0) == 2 else module.weight[1])


def other_flow(module, z, label):
    a, b = z * 1, z * 2
    return a + a if z.size(0) == 2 else a + b


def other_list(module, z, label):
    return torch.cat([z] * z.size(0), 1)[:, :4]


def stateful(module, z, label):
    module.state.add_(1.0)
    return z + module.state


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda m, z, label: z + torch.randn_like(z), "random"),
        (lambda m, z, label: functional.dropout(z, 0.5), "random"),
        (by_value, "reads values back"),
        (by_batch, "operators depend on the batch size"),
        (other_weights, "batch size"),
        (other_flow, "data flow depends on the batch size"),
        (other_list, "depends on the batch size"),
        (lambda m, z, label: z[: z.size(0) + 1] * (z.size(0) + 1), "batch size"),
        (lambda m, z, label: z * float(z.size(0)), "a value that depends on the batch size"),
        (stateful, "writes into a constant"),
        (lambda m, z, label: m.weight * 2, "neither z nor label"),
    ],
)
def test_what_cannot_be_replayed_is_refused(function, reason):
    with pytest.raises(Unsupported, match=reason):
        recorded(Lambda(function))
