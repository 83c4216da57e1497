"""Methods for customer lifetime value: the rows of GR's Table 6 and what that table leaves out."""
