"""A strict local Nova Sonic: Bedrock's bidirectional operation over TLS and HTTP/2, with the service's own refusals.

Everything here was written from the protocol alone and shares no code with the product's engine, so that a mistake on
one end cannot hide behind the same mistake on the other. From outside in:

    simulator.py    the door: a listening server with a CA file, sessions and a journal; in process or through the CLI
    connection.py   one TCP connection: HTTP/2 streams, flow control, the operation's path, HTTP errors
    exchange.py     one stream: request frames in, event frames out, limits, faults, and the mind behind it
    intake.py       pure: what the service accepts and what it refuses, event by event
    speaker.py      pure: when each piece of a reply leaves, what was still unheard when the caller interrupted
    voice.py        what a session says: thoughts in, blocks of events and their usage out
    output.py usage.py                pure: the events that the service sends
    frames.py signing.py refusals.py  pure: bytes, signatures, and the service's own words for each refusal
    limits.py journal.py certificate.py
"""
