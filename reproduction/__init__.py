"""The reproduction of the paper: its numbers, its claims, and the page that compares them."""
