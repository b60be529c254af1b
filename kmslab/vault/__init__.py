"""The only rooms that ever hold key bytes. They know nothing of policies, states or HTTP."""
