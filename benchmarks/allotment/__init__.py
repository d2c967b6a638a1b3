"""What giving out rows within limits is worth against greedy ways of it."""
