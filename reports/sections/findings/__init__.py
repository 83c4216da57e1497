"""The findings of the front page: sentences computed from the records, each with the evidence that it links."""
