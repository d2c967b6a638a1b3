"""What noise that hides a person costs the item factors of `als`, and what an attacker still learns of them."""
