"""Charts, a module a kind. Each is made from what was measured, or not at all where there is nothing to draw."""
