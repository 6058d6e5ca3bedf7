"""From stored runs to a report, from a comparison to its outputs: tables, charts, pages. Reads no torch."""
