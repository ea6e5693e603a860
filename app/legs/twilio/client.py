"""Twilio's own client of its REST interface, made the same way for everybody who asks it."""

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


def rest_client(account_sid: str, user: str, secret: str, api_url: str, request_s: float) -> Client:
    """`user` and `secret`: the account's SID and auth token, or an API key and its secret. Nothing is sent twice by the
    client itself: whoever asks knows what may be. Synchronous: a request blocks for `request_s` at the most."""
    client = Client(user, secret, account_sid, http_client=TwilioHttpClient(timeout=request_s))
    client.api.base_url = api_url.rstrip("/")
    return client
