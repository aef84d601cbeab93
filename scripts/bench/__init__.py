"""`make bench`: what being governed costs, side by side in one run. Measures only; no build fails by it."""
