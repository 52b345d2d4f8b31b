"""Recipes: whole jobs, put together from learning, rendering and filming."""
