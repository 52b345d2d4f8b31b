"""The bench: measures this machine's speed relative to its peak, and quality over training time."""
