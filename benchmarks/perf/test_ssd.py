"""Speed and rounding of the state-space recurrence in chunks.

Guards the specification of GSM, section 7: forward and backward, one sequence, H = 4, P = 32,
N = 32, one thread. Against the same recurrence step by step at least 30 times as fast at 1,024
tokens; against torch's fused attention faster from 1,024 tokens on, 8 times at 8,192; against
torch's GRU faster. In turns in one process; compared are medians of CPU seconds.

``make perf``, or ``python -m benchmarks.perf.test_ssd [--plot FILE]``, which prints how times grow
with the length, and draws it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.perf.dagnn_measure import in_turns
from graphlab.ops import ssd_chunked, ssd_sequential

ROOT = Path(__file__).resolve().parents[2]
H, P, N = 4, 32, 32
SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384)
LOOP, ATTENTION = 2048, 8192  # lengths up to which the slower ones are run


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def draw(length, dtype=torch.float32):
    """Return x, dt, A, B, C that ask for gradients."""
    g = torch.Generator().manual_seed(0)
    x, b, c = (torch.randn(1, length, *s, generator=g) for s in ((H, P), (1, N), (1, N)))
    dt = torch.rand(1, length, H, generator=g) * 0.1
    rates = -1 - 15 * torch.rand(H, generator=g)
    return [value.to(dtype).requires_grad_() for value in (x, dt, rates, b, c)]


def step(function, inputs):
    """Return a function that runs forward and backward."""

    def run():
        out = function(*inputs)
        out = out[0] if isinstance(out, tuple) else out
        out.sum().backward()
        for value in inputs:
            value.grad = None

    return run


def ssd(length):
    return step(ssd_chunked, draw(length))


def loop(length):
    return step(ssd_sequential, draw(length))


def attention(length):
    rows = [torch.randn(1, H, length, P, requires_grad=True) for _ in range(3)]
    return step(torch.nn.functional.scaled_dot_product_attention, rows)


def gru(length):
    unit = torch.nn.GRU(H * P, H * P, batch_first=True)
    return step(lambda x: unit(x)[0], [torch.randn(1, length, H * P, requires_grad=True)])


def test_chunks_against_the_loop():
    mine, other = in_turns([ssd(1024), loop(1024)], 7)
    ratio = other.cpu / mine.cpu
    print(f"\n1,024 tokens: {mine.cpu * 1e3:.1f} ms CPU, loop {other.cpu * 1e3:.0f} ms, ", end="")
    print(f"{ratio:.1f}x (wall {other.wall / mine.wall:.1f}x)")
    assert ratio >= 30


@pytest.mark.parametrize(("length", "least"), [(1024, 1), (2048, 1), (4096, 4), (8192, 8)])
def test_chunks_against_attention(length, least):
    mine, other = in_turns([ssd(length), attention(length)], 5)
    ratio = other.cpu / mine.cpu
    print(f"\n{length} tokens: {mine.cpu * 1e3:.1f} ms CPU, attention {ratio:.1f}x", end="")
    assert ratio > least


def test_chunks_against_a_gru():
    mine, other = in_turns([ssd(1024), gru(1024)], 5)
    print(f"\n1,024 tokens: GRU {other.cpu / mine.cpu:.1f}x")
    assert mine.cpu < other.cpu


@pytest.mark.parametrize("length", [1024, 8192])
def test_single_precision_is_near_double(length):
    single, double = draw(length), draw(length, torch.float64)
    weight = torch.randn(1, length, H, P, generator=torch.Generator().manual_seed(1))
    found, expected = ssd_chunked(*single)[0], ssd_sequential(*double)[0]
    error = relative(found, expected)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    worst = max(relative(a.grad, b.grad) for a, b in zip(single, double, strict=True))
    print(f"\n{length} tokens: values {error:.1e}, gradients {worst:.1e}", end="")
    assert error < 1e-5
    assert worst < 1e-4


def relative(found, expected):
    return ((found.double() - expected).abs().max() / expected.abs().max()).item()


def growth():
    """Yield lengths and milliseconds of chunks, attention, the GRU and the loop (NaN: not run)."""
    for length in SIZES:
        runs = [ssd(length), gru(length)]
        runs += [attention(length)] if length <= ATTENTION else []
        runs += [loop(length)] if length <= LOOP else []
        times = [found.cpu * 1e3 for found in in_turns(runs, 3)]
        times += [np.nan] * (4 - len(times))
        yield length, times[0], times[2], times[1], times[3]


def plot(found, file):
    """Draw times against lengths."""
    import matplotlib.pyplot as plt

    plt.style.use(ROOT / "docs" / "graphlab.mplstyle")
    figure, axis = plt.subplots()
    length, *columns = (np.array(column) for column in zip(*found, strict=True))
    names = ("SSD in chunks", "attention (SDPA)", "GRU", "SSD step by step")
    for values, name, mark in zip(columns, names, "os^v", strict=True):
        axis.loglog(length, values, f"{mark}-", label=name)
    axis.set_xlabel("tokens")
    axis.set_ylabel("CPU time, forward and backward,\n1 thread (ms)")
    axis.legend()
    figure.savefig(file)


def main():
    """Print and draw how times grow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, help="picture to draw, .svg or .png")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| tokens | SSD, ms | attention, ms | GRU, ms | loop, ms |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    found = []
    for row in growth():
        found.append(row)
        cells = ["-" if np.isnan(value) else f"{value:.1f}" for value in row[1:]]
        print(f"| {row[0]:,} | {' | '.join(cells)} |", flush=True)
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
