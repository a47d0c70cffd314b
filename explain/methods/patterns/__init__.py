"""One file, one recipe for pictures that make a channel fire."""
