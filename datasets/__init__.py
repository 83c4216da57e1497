"""Where the rows come from: one file per source, each building the same columnar `Table`."""
