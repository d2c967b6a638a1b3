"""What those who watch from outside are told: figures about the tables and the nights, and whether tables are late."""
