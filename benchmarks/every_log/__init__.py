"""Is the published list of every surface at least the best simple list, on logs that nothing was tuned for?"""
