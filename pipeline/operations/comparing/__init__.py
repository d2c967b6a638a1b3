"""The published lists against simple ones: which these are, how they are tuned and judged, how it is told."""
