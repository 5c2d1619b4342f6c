"""What a shop can know of its shoppers from its own data: who they are as buyers, and who comes back."""
