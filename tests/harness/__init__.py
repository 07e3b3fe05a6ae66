"""What the suites share: starting a real server, talking to it, and looking at the host."""
