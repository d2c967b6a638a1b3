"""What `nightjar init` writes: made-up logs, and a first mapping of any log whose columns have telling names."""
