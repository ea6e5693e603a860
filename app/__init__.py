"""Offhook answers the telephone."""
