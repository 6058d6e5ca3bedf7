"""From stored runs to tables, charts and pages. It imports no torch."""
