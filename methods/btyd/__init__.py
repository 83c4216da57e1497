"""Buy till you die: models of when customers buy again and when they stop, fitted to purchase histories alone.

A customer's history up to a cut is (x, t_x, T): x repeat purchases, the last of them at age t_x, observed to age T (all
counted from the first purchase, purchases of a day being one). What a purchase is worth is a model of its own
(Gamma-Gamma), taken to be independent of how often there are purchases.
"""
