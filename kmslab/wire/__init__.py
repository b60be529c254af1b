"""Bytes to requests and answers to bytes. No behaviour of AWS's services lives here."""
