"""Customer service: what is asked, how often, and the answer that resolves it."""
