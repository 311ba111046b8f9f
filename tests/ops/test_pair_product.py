"""Products of node pairs: equal to gathered rows, in both directions."""

from __future__ import annotations

import pytest
import torch

from graphlab.ops.pair_product import pair_product, rows_and_products


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("n", "width", "pairs"), [(5, 1, 7), (9, 24, 3000), (6, 67, 50), (3, 8, 0)]
)
def test_equals_gathered_rows(n, width, pairs, dtype, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    h = torch.randn(n, width, dtype=dtype, requires_grad=True)
    src, dst = torch.randint(n, (2, pairs))
    found = pair_product(h, src, dst)
    expected = pair_product(h, src, dst, backend="torch")
    assert torch.equal(found, expected)
    above = torch.randn_like(found)
    mine = torch.autograd.grad((found * above).sum(), h)[0]
    plain = torch.autograd.grad((expected * above).sum(), h)[0]
    torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-4)  # hundreds of terms each


def test_a_node_with_itself_gets_both_gradients():
    h = torch.tensor([[3.0]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.long)
    pair_product(h, zero, zero).sum().backward()
    assert h.grad.item() == 6


def test_number_of_threads_does_not_change_the_gradient():
    torch.manual_seed(0)
    h = torch.randn(20, 256, requires_grad=True)
    src, dst = torch.randint(20, (2, 4000))
    above, found = torch.randn(4000, 256), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(torch.autograd.grad((pair_product(h, src, dst) * above).sum(), h)[0])
    assert torch.equal(*found)


def test_gradient_in_double():
    h = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    src, dst = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 1, 3, 0])
    assert torch.autograd.gradcheck(lambda h: pair_product(h, src, dst), (h,))


def test_rows_and_products_share_one_gradient():
    torch.manual_seed(0)
    h = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    ids, (src, dst) = torch.tensor([1, 4, 6]), torch.randint(7, (2, 9))
    found = rows_and_products(h, ids, src, dst)
    expected = rows_and_products(h, ids, src, dst, backend="torch")
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    for part in ([1.0, 0.0], [0.0, 1.0], [2.0, 3.0]):
        loss = [
            sum(w * t.cos().sum() for w, t in zip(part, s, strict=True)) for s in (found, expected)
        ]
        mine, plain = (torch.autograd.grad(x, h, retain_graph=True)[0] for x in loss)
        torch.testing.assert_close(mine, plain)
    torch.testing.assert_close(
        torch.autograd.grad(found[0].sum(), h)[0], torch.autograd.grad(expected[0].sum(), h)[0]
    )
