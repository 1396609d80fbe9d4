"""What one plays with: a state, a picture of it, and controls"""

# A plain module, edited here.
