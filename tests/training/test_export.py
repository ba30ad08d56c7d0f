"""Exported generators compute what the eager ones do, in any batch, and what cannot be exported is refused in words."""

import importlib.util
import io
import sys
import textwrap
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.export import ExportError, capabilities, export, load


class Plain(nn.Module):
    def __init__(self, num_classes: int = 0):
        super().__init__()
        self.z_dim, self.num_classes, self.img_resolution, self.img_channels = 5, num_classes, 4, 3
        self.start = nn.Linear(5, 6 * 4 * 4)
        self.norm = nn.BatchNorm2d(6)
        self.classes = nn.Embedding(max(1, num_classes), 6)
        self.end = nn.Conv2d(6, 3, 3, padding=1)
        self.norm.running_mean.uniform_()
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.norm(self.start(z).view(-1, 6, 4, 4)) + self.classes(label)[:, :, None, None]
        return torch.tanh(self.end(x))


class Encoding(Plain):
    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :5]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("batch", [1, 3, 8, 65])
def test_the_saved_generator_computes_the_same_images(num_classes, batch):
    generator = Plain(num_classes).eval()
    saved = load(export(generator))
    z, label = torch.randn(batch, 5), torch.randint(0, max(1, num_classes), (batch,))
    with torch.no_grad():
        torch.testing.assert_close(saved(z, label), generator(z, label), rtol=0, atol=1e-6)


def test_labels_matter_in_what_was_saved():
    saved = load(export(Plain(3)))
    z = torch.randn(1, 5)
    assert not torch.equal(saved(z, torch.tensor([0])), saved(z, torch.tensor([2])))


def test_saved_as_the_format_says():
    saved = load(export(Plain()))
    assert not saved.training
    parameters = dict(saved.named_parameters())
    assert "start.weight" in parameters  # frozen modules have none
    assert {p.dtype for p in parameters.values()} == {torch.float32}
    assert {p.device.type for p in parameters.values()} == {"cpu"}
    assert not any(p.requires_grad for p in parameters.values())
    assert saved.double()(torch.zeros(1, 5).double(), torch.zeros(1, dtype=torch.int64)).dtype == torch.float64


def test_the_generator_itself_is_left_as_it_was():
    generator = Plain().double().train()
    export(generator)
    assert generator.training
    assert generator.start.weight.dtype == torch.float64
    assert generator.start.weight.requires_grad


def test_encode_is_exported_where_there_is_one():
    generator = Encoding()
    saved = load(export(generator))
    x = torch.rand(3, 3, 4, 4)
    torch.testing.assert_close(saved.encode(x), generator.encode(x))
    assert capabilities(saved) == ["generate", "encode"]
    plain = load(export(Plain()))
    assert not hasattr(plain, "encode")
    assert capabilities(plain) == ["generate"]


def test_no_path_of_this_machine_is_shipped():
    data = export(Plain())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = [archive.read(name) for name in archive.namelist()]
    folders = [str(Path(__file__).parent).encode(), str(Path(torch.__file__).parent).encode()]
    assert not any(folder in content for folder in folders for content in contents)


def test_equal_weights_give_equal_files_wherever_the_code_stands(tmp_path, monkeypatch):
    """But for the name of the class: here twin_a against twin_b, so that one process can make both."""
    source = """
        import torch
        from torch import Tensor, nn
        class Generator(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.z_dim, self.num_classes, self.img_resolution, self.img_channels = 2, 0, 1, 1
                self.layer = nn.Linear(2, 1)
            def forward(self, z: Tensor, label: Tensor) -> Tensor:
                return self.layer(z).view(-1, 1, 1, 1)
    """
    weights = None
    files = []
    for name, moved_by in (("twin_a", ""), ("twin_b", "# a line more\n" * 7)):
        path = tmp_path / (name * 3) / f"{name}.py"
        path.parent.mkdir()
        path.write_text(moved_by + textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        generator = module.Generator()
        weights = weights or generator.state_dict()
        generator.load_state_dict(weights)
        with zipfile.ZipFile(io.BytesIO(export(generator))) as archive:
            entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
        files.append(
            [(e.filename.replace(name, ""), e.date_time, data.replace(name.encode(), b"")) for e, data in entries]
        )
    assert files[0] == files[1]


def test_only_the_one_warning_is_silenced():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        export(Plain())
        assert caught == []
        warnings.warn("`torch.jit.script` is deprecated.", FutureWarning, stacklevel=1)
    assert len(caught) == 1


class OtherShape(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return z.view(-1, 5, 1, 1)


class OtherType(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.zeros(z.shape[0], 3, 4, 4, dtype=torch.float64)


class OneBatchSizeOnly(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.start(z)[:, :48].reshape(8, 3, 4, 4)


class Random(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.randn(z.shape[0], 3, 4, 4)


class Neighbourly(Plain):
    """Depends on the other images of its batch, as a BatchNorm without running statistics does."""

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return (z - z.mean(0)).sum(1)[:, None, None, None].expand(-1, 3, 4, 4)


class NotFinite(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.full((z.shape[0], 3, 4, 4), float("nan"))


class Otherwise(Plain):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = torch.zeros(z.shape[0], 3, 4, 4)
        return x if torch.jit.is_scripting() else x + 1


class Unscriptable(Plain):
    def forward(self, *inputs):
        return super().forward(*inputs)


class WrongCode(Encoding):
    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class RandomCode(Encoding):
    def encode(self, x: Tensor) -> Tensor:
        return torch.randn(x.shape[0], 5)


@pytest.mark.parametrize(
    ("generator", "part"),
    [
        (OtherShape, r"gives torch.float32 \(1, 5, 1, 1\), not float32 \(1, 3, 4, 4\)"),
        (OtherType, "gives torch.float64"),
        (OneBatchSizeOnly, "fails at batch 1"),
        (Random, "depends on its batch or on chance|other images"),
        (Neighbourly, "depends on its batch"),
        (NotFinite, "off by nan"),
        (Otherwise, "the exported generator computes other images at batch 1: off by 1"),
        (Unscriptable, "Unscriptable cannot be scripted"),
        (WrongCode, "encode gives"),
        (RandomCode, "the exported encode computes other latents"),
    ],
)
def test_what_would_break_a_promise_is_refused(generator, part):
    with pytest.raises(ExportError, match=part):
        export(generator())


@pytest.mark.parametrize("name", ["z_dim", "num_classes", "img_resolution", "img_channels"])
@pytest.mark.parametrize("value", [None, 2.5])
def test_a_generator_that_does_not_say_its_sizes(name, value):
    generator = Plain()
    setattr(generator, name, value)
    with pytest.raises(ExportError, match=name):
        export(generator)
