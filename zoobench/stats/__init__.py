"""From samples to summaries, from summaries to findings: pure functions without files and models."""
