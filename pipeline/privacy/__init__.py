"""What is known about people: erasure, receipts, the list of the forgotten, pseudonyms."""
