"""What only a simulator has: to call an owned number from outside, to say who answers one, to look at a call and hear
it, to have requests refused. Under `/simulator`, without credentials."""

import json
from dataclasses import asdict, fields

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.callscript import ScriptError, parse
from app.simulator.twilio.exchange import PATIENT, Exchange
from app.simulator.twilio.gate import Gate
from app.simulator.twilio.line import LineOptions
from app.simulator.twilio.phone import CALLER, result_of
from app.simulator.twilio.plant import DialOutcome
from app.simulator.twilio.resources import ApiError


class Own:
    def __init__(self, exchange: Exchange, gate: Gate) -> None:
        self._exchange = exchange
        self._gate = gate

    def routes(self) -> list[Route]:
        return [
            Route("/simulator/calls", self.call, methods=["POST"]),
            Route("/simulator/calls/{call}.wav", self.hear, methods=["GET"]),
            Route("/simulator/calls/{call}", self.show, methods=["GET"]),
            Route("/simulator/people", self.person, methods=["POST"]),
            Route("/simulator/tasks", self.tasks, methods=["GET"]),
            Route("/simulator/refuse", self.refuse, methods=["POST"]),
        ]

    async def call(self, request: Request) -> Response:
        """{"to", "from"?, "script"?, "line"?: {...}}: somebody calls an owned number."""
        try:
            body = json.loads(await request.body())
            script = parse(body["script"]) if body.get("script") else PATIENT
            line = LineOptions(**{k: v for k, v in body.get("line", {}).items() if k in LINE_FIELDS})
            call = await self._exchange.dial_in(body.get("from", CALLER), body["to"], script, line)
        except ApiError as error:
            return JSONResponse(error.envelope(), error.status)
        except (ValueError, KeyError, TypeError) as error:
            return _wrong(error)
        return JSONResponse({"call_sid": call.party.call_sid}, 201)

    async def tasks(self, request: Request) -> Response:
        """What TaskRouter was given, oldest first."""
        return JSONResponse({"tasks": [asdict(task) for task in self._exchange.plant.tasks]})

    async def show(self, request: Request) -> Response:
        call = self._exchange.plant.calls.get(request.path_params["call"])
        if call is None:
            return JSONResponse({"error": "no such call"}, 404)
        return JSONResponse(result_of(call).document())

    async def hear(self, request: Request) -> Response:
        call = self._exchange.plant.calls.get(request.path_params["call"])
        if call is None:
            return JSONResponse({"error": "no such call"}, 404)
        return Response(result_of(call).wav(), media_type="audio/x-wav")

    async def person(self, request: Request) -> Response:
        """{"number", "status"?, "ring_ms"?, "talk_ms"?, "presses"?, "script"?, ...}: who answers that number."""
        try:
            body = json.loads(await request.body())
            known = {k: v for k, v in body.items() if k in OUTCOME_FIELDS}
            outcome = DialOutcome(**known | ({"script": parse(body["script"])} if body.get("script") else {}))
            self._exchange.plant.outcomes = {**self._exchange.plant.outcomes, body["number"]: outcome}
        except (ValueError, KeyError, TypeError) as error:
            return _wrong(error)
        return Response(status_code=204)

    async def refuse(self, request: Request) -> Response:
        """{"requests": n}: the next n REST requests are answered with 429."""
        try:
            self._gate.refuse = int(json.loads(await request.body())["requests"])
        except (ValueError, KeyError, TypeError) as error:
            return _wrong(error)
        return Response(status_code=204)


LINE_FIELDS = frozenset(f.name for f in fields(LineOptions))
OUTCOME_FIELDS = frozenset(f.name for f in fields(DialOutcome))


def _wrong(error: Exception) -> Response:
    text = str(error) if isinstance(error, ScriptError) else f"not understood: {error!r}"
    return JSONResponse({"error": text}, 400)
