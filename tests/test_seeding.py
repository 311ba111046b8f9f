from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
import torch

from graphlab.seeding import (
    derive_seed,
    deterministic,
    numpy_generator,
    preserve_rng,
    torch_generator,
)


def test_seed_is_the_same_on_every_platform():

    expected = int.from_bytes(hashlib.sha256(b"3:init").digest()[:8], "little") & (2**63 - 1)
    assert derive_seed(3, "init") == expected


def test_purposes_and_seeds_have_streams_of_their_own():
    seeds = {derive_seed(s, p) for s in range(50) for p in ("split", "init", "dropout-1")}
    assert len(seeds) == 150
    assert all(0 <= s < 2**63 for s in seeds)


def test_generators_repeat():
    draws = [torch.rand(3, generator=torch_generator(1, "a")).tolist() for _ in range(2)]
    assert draws[0] == draws[1]
    assert numpy_generator(1, "a").random() == numpy_generator(1, "a").random()


def test_preserve_rng_restores_all_three_global_states_even_after_an_error():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    with pytest.raises(RuntimeError), preserve_rng():
        torch.manual_seed(5), np.random.seed(5), random.seed(5)
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def test_deterministic_switch_is_put_back():
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic():
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
