"""What policies that learn would earn on a real log that was drawn uniformly."""
