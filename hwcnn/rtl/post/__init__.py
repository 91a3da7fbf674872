"""From partial sums to results: requantisation, residual, activation."""
