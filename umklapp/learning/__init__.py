"""The rounds: seeds, exploration, what to label, and what a round and a material are worth."""
