"""Plots that more than one lesson draws"""

# A plain module, edited here.
