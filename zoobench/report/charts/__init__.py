"""Charts drawn by matplotlib, a module a kind."""
