"""Tables, figures and text without a page around them, and their forms. Imports nothing of reports."""
