"""Solve the tours of ``tsp-synth`` and write ``tours.npz`` beside this file; takes 5 CPU minutes.

``python datasets/tsp-synth/build_tours.py``; needs ``pip install 'graphlab[tsp]'``. The tours stand
behind each other, each a permutation of its graph's points. Another version of the solver may find
others as short: the checksum in ``card.toml`` is of the shipped file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphlab.datasets.synthetic_tsp import synth_points, tsp_tour


def main() -> None:
    """Solve and write."""
    tours = [tsp_tour(points, seed=0) for points in synth_points()]
    path = Path(__file__).with_name("tours.npz")
    np.savez_compressed(path, tours=np.concatenate(tours).astype(np.uint8))
    print(f"{path}: {len(tours)} tours")


if __name__ == "__main__":
    main()
