"""The pages staff write (prompts, phrases, tools), as data that still knows its lines. Pure: text in, values out."""
