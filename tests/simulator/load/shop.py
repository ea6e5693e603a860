"""The smallest business with a known answer and a menu."""

from pathlib import Path

PAGES = {
    "prompts/facts.yaml": "business: {name: A shop}\n",
    "prompts/routes.yaml": "default: desk\n",
    "prompts/desk.md": """---
voice: matthew
language: en-US
call_facts: The number I am calling from ends in {{ caller.last_four }}.
keypad:
  start: main
  menus:
    main: {say: menu_main, keys: {"1": {menu: main}, "4": {say: hours}}}
---
You answer for a shop.
""",
    "cache/phrases/lines.yaml": """
phrases:
  greeting: {kind: greeting, text: {en-US: "Good day."}}
  menu_main: {kind: menu, text: {en-US: "For the hours, press four."}}
  hours: {kind: opening_hours, intents: [hours], text: {en-US: "We open at nine."}, examples: ["When do you open?"]}
""",
}


def write_shop(folder: Path) -> Path:
    for name, text in PAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
