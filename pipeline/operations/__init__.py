"""What is done with the pipeline: running its stages, and looking after what they leave."""
