"""Colours of systems, the same in every figure and on the page."""

from __future__ import annotations

__all__ = ["SERIES"]

#: Okabe and Ito's colours, told apart in all kinds of colour vision, as (on light, on dark).
#: Their yellow, sky blue and orange are darkened on a light page, where they would be too faint.
SERIES = (
    ("#0072b2", "#56a8e0"),
    ("#d55e00", "#f08a3c"),
    ("#009e73", "#2ec79b"),
    ("#b5588f", "#dd95bf"),
    ("#b87f00", "#e6b13d"),
    ("#2f8fc4", "#8fd0f7"),
    ("#555555", "#bbbbbb"),
    ("#8a7d00", "#e8dd5a"),
)
