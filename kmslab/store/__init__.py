"""State: plain records in memory, journaled to SQLite when asked. No rule of AWS lives here."""
