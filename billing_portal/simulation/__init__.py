"""The chaos run: real processes that are killed, a simulated clock, and books that must be right afterwards."""
