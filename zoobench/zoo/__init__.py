"""Sources of models, what to feed them, and how weights get into them."""
