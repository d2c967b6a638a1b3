"""One pair of user and item explained: what its score is made of, or which rule keeps the item from the user."""
