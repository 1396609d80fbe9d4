"""The exercises of each lesson: what is asked, what is right, and which mistakes are known"""

# A plain module, edited here.
