import numpy as np
import torch

from training.data.training_set import TrainingSet


def test_batches_are_scaled_to_minus_one_to_one() -> None:
    random = np.random.default_rng(0)
    data = TrainingSet(random.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8), np.arange(20) % 3, np.arange(2, 20))
    images, labels = data.batch(np.array([0, 3]), torch.device("cpu"))
    assert len(data) == 18
    assert images.shape == (2, 3, 4, 4)
    assert labels.tolist() == [2, 2]
    expected = torch.from_numpy(data.images[[2, 5]]).permute(0, 3, 1, 2).double() / 127.5 - 1
    torch.testing.assert_close(images.double(), expected, atol=1e-6, rtol=0)
