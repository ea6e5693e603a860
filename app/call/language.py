"""Which language the call is in, and what changes it: the model's tool, a key, or the caller's own words.

A session speaks with the voice of one language, so another language is another session: the present one is closed, a
phrase in the new language says so, and the next session knows what was said and hears what was not answered.
"""

import json

from app.call import built_in, results, session
from app.call import commands as c
from app.call import events as e
from app.call.scene import Scene

PHRASE = "language_changed"
CHANGED = json.dumps({"status": "changed"})
SAME = json.dumps({"status": "This is the language of the call already. Answer the caller in it."})


def switch_called(scene: Scene, event: e.ToolCalled) -> None:
    wanted = _declared(scene, built_in.words(built_in.given(event.arguments).get("language", "")))
    if wanted and wanted != scene.voice.language and scene.closing is None:
        scene.do(c.AnswerTool(event.session, event.run, CHANGED))
        change(scene, wanted)
        return
    results.give(scene, event.session, event.run, SAME if wanted else built_in.NOT_OFFERED)


def heard(scene: Scene, seems: str) -> bool:
    """What declared language the caller's last words seem to be in ("" where nobody can tell). Two utterances in a row
    in the same other one change the call's. True where these did."""
    before, scene.seemed = scene.seemed, seems
    return bool(seems) and seems == before and change(scene, seems)


def change(scene: Scene, language: str) -> bool:
    """Go on in another of the agent's languages. False where it is the present one or none of them."""
    if scene.closing is not None or language == scene.voice.language or language not in scene.setup.tongues:
        return False
    scene.voice.language, scene.seemed = language, ""
    scene.note("language changed", language)
    session.change(scene)
    scene.answer.stop()
    scene.voice.say(PHRASE)
    return True


def _declared(scene: Scene, wanted: str) -> str:
    """The agent's language that the model means: by its tag, or by the first part of it where that is plain."""
    tag = wanted.casefold()
    alike = [name for name in scene.setup.tongues if tag in (name.casefold(), name.partition("-")[0].casefold())]
    exact = [name for name in alike if name.casefold() == tag]
    return exact[0] if exact else alike[0] if len(alike) == 1 else ""
