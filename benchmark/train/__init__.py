"""The trainer: all replicas of a group at once, data resident on the device, exact lazy Adam for the embeddings."""
