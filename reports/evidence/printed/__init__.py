"""Our numbers against those that papers print: verdicts, orders of rows, and which numbers can belong together."""
