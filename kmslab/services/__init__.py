"""What AWS does, operation by operation. A service answers a `Call`; it never sees HTTP."""
