"""The largest batch that fits a memory limit: a search over trials, each of them a process of its own."""
