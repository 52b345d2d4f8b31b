"""A better target from the picture itself: holes filled, detail added, motion followed."""
