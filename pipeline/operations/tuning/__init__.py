"""The search for better settings: what is tried, how a trial is judged, what is written."""
