"""The sampling loop: warm-up, rounds, stopping, and what else happened during each round."""
