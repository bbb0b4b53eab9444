"""What the four commands share: how their words are read and how they end. Knows nothing of what they do."""
