import numpy as np

from app.codes import WithCodes
from app.inference.latents import latents
from app.mixing import Around, Path


def z_of(*seeds: int) -> np.ndarray:
    return latents(np.array(seeds, np.uint32), 16)


def test_a_code_stands_where_a_seed_would() -> None:
    first, second, third = z_of(1, 2, 3)
    mix = WithCodes(Path(3, 5, False), {0: first, 2: third}, 3)
    given = z_of(0, 2, 0)
    assert (mix.mixed(given) == Path(3, 5, False).mixed(z_of(1, 2, 3))).all()
    assert (given == z_of(0, 2, 0)).all()
    assert (mix.told, mix.n, list(mix.owners)) == ([1], 5, [0] * 5)
    around = WithCodes(Around(None, 2, 0.5), {0: second}, 3)
    assert around.told == [1, 2]
    assert (around.mixed(z_of(0, 8, 9)) == Around(2, 2, 0.5).mixed(z_of(2, 8, 9))).all()


def test_the_recipe_names_a_code_without_telling_it() -> None:
    first, second = z_of(1, 2)
    told = WithCodes(Around(None, 2, 0.5), {0: first}, 3).parameters
    assert told.keys() == {"strength", "codes"}
    assert told["codes"] == WithCodes(Path(2, 2, False), {0: first}, 2).parameters["codes"]
    assert told["codes"] != WithCodes(Path(2, 2, False), {0: second}, 2).parameters["codes"]
