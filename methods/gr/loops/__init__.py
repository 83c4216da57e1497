"""GR on a CPU in compiled loops: one row of logits, the LSTM's training and answers, the Transformer's attention."""
