"""ermask: change the faces in a photo before it is posted, and undo the change with a key.

Everything that runs on the user's machine. Never imports torch.
"""

__version__ = "0.1.0"
