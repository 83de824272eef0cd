"""The reference bench: models measured as a user and an attacker would meet them.

Photos go through the product's own engine (detection, ONNX networks, rendering), and an attacker
detects and aligns the result anew. `runner` tells the story; each protocol is a module of its own
and keeps what it saw of every photo, so that figures are sums over photos, an interrupted run goes
on, and two models can be compared photo by photo.
"""
