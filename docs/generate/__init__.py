"""Pages of the site that are made from the code (settings, published tables, pictures) or stand elsewhere."""
