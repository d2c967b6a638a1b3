"""What people write: documents as of a night, and the labels that a classifier gives them."""
