"""Branches that may not pool their logs fit shared item factors: what each computes, what is added up, what is sent."""
