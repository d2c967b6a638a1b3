"""What is written about: topics of documents that keep their names from night to night, and how each grows."""
