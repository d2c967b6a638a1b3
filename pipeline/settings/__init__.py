"""What can be configured, and the calendar that follows from it."""
