"""From the evidence of a comparison to its verdicts: pure functions."""
