"""Build models from their sources, make input images, and load weights."""
