"""What a worker process does: it builds one model, calls it, and sends what it measured."""
