"""What another policy would have earned where this one showed: off-policy evaluation of logged impressions."""
