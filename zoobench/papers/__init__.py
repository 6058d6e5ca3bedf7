"""The published figures, and verdicts on them by what a run counted."""
