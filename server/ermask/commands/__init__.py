"""The bodies of the two command lines. Heavy imports wait inside the functions."""
