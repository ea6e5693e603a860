"""The pages staff write (prompts, phrases, tools), as data that still knows its lines. Text in, values out; `texts.py`
alone reads files."""
