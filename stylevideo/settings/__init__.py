"""What a user can set, with its checks; parses no arguments and loads nothing heavy."""
