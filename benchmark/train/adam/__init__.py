"""Adam for a stack: exact lazy Adam for the rows of its embeddings, dense Adam for the rest. On a CPU in compiled
loops, on a GPU in torch operations of static shape."""
