"""May this principal do this? Policies in, a Decision out; no state is changed here."""
