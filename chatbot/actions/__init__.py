"""What shoppers can have done to their orders: who may have what, asked twice and done once. Knows no wording and no HTTP."""
