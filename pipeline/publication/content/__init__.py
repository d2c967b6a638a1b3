"""What is held back from all readers or from some: the stage `content`, and what publication makes of it."""
