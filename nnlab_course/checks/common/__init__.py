"""What the checks of several lessons share: judges of networks, and data to judge by"""

# A plain module, edited here.
