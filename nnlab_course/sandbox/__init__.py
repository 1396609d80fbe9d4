"""Run a notebook where there is nothing to read, nobody to talk to, and little to use up"""

# A plain module, edited here.
