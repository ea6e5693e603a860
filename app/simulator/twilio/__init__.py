"""The telephone company, simulated: it calls a voice webhook, executes the TwiML, and speaks Media Streams.

It must not be kinder than the real service, and it shares no protocol code with the server: were the signing or the
wire code shared, both ends would share a mistake. `phone.place_call` is the door for one call in this process,
`rest.create_app` the door for the REST subset.
"""
