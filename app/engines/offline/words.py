"""Words of everyday English, brought down to what two sentences must share to be about the same thing.

A sentence becomes a set of **terms**: stems of its words without those that say nothing, and **concepts** (written with
a tilde) which stand for several words ("open", "close" and "hours" are all `~hours`). Nothing here knows any business.
"""

import re


def listed(text: str) -> frozenset[str]:
    """The words of `text` as a set."""
    return frozenset(text.split())


STOP = listed(
    """a an the and or but if so of in on at to for from with by as is are am was were be been being do does did have
    has had i you he she it we they me my your his her its our their us them this that these those there here can
    could will would shall should may might must please just like know tell about what which who whom whose how when
    why any some not no yes hello hi okay ok oh um uh well now then than very really too also want need get got let
    im i'm i'd i'll i've it's that's what's there's you're we're don't say said give gave make thing things up out
    more much many one sorry wait thanks thank hey actually find look looking looked search check see lookup number"""
)
CONCEPTS: dict[str, tuple[str, ...]] = {
    "~hours": ("open", "opening", "close", "closed", "closing", "hours", "shut"),
    "~where": ("where", "address", "located", "location", "directions", "situated"),
    "~price": ("price", "cost", "charge", "fee", "expensive", "cheap", "rate"),
    "~pay": ("pay", "payment", "card", "cash", "credit", "debit"),
    "~person": ("person", "human", "someone", "somebody", "agent", "representative", "operator", "colleague", "staff"),
    "~repair": ("repair", "fix", "mend"),
    "~sell": ("sell", "buy", "sale", "purchase"),
    "~return": ("return", "refund", "exchange"),
    "~email": ("email", "e-mail", "mail"),
    "~phone": ("phone", "telephone"),
    "~deliver": ("deliver", "delivery", "ship", "shipping", "parcel", "package"),
    "~appointment": ("appointment", "reservation", "reserve"),
    "~ready": ("ready", "finished", "complete", "completed"),
    "~park": ("park", "parking"),
    "~tire": ("tire", "tyre"),
    "~bike": ("bike", "bicycle"),
    "~color": ("color", "colour"),
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBER = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|few|several)"
# What a phrase means though none of its words does.
PHRASES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(?:what time|how late|how early|when (?:are|do) you|until when)\b"), "~hours"),
    (re.compile(r"\bhow much\b|[$€£]|\b(?:euros?|dollars?|pounds?|cents?)\b"), "~price"),
    (re.compile(r"\b\d+[a-z]?,? (?:\w+ ){1,3}(?:street|road|lane|avenue|square|drive|way)\b"), "~where"),
    (re.compile(r"\bhow long\b|\b(?:takes?|within) "), "~duration"),
    (re.compile(rf"\b{NUMBER} (?:minutes?|hours?|days?|weeks?|months?)\b"), "~duration"),
)
A_DURATION = re.compile(rf"\b{NUMBER} (?:minutes?|hours?|days?|weeks?|months?)\b")
DAY_RANGE = re.compile(rf"\b({'|'.join(DAYS)})s? (?:to|through|until|-|–) ({'|'.join(DAYS)})")
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


def words_of(text: str) -> list[str]:
    """The words of `text` in small letters."""
    return WORD.findall(text.lower().replace("’", "'"))


def stem(word: str) -> str:
    """`word` without the endings that grammar gives it. The stem need not be a word."""
    word = word.removesuffix("'s").replace("'", "")
    for ending, least in (("ies", 3), ("ing", 3), ("ed", 3), ("es", 3), ("s", 3), ("ly", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith(("ss", "us")):
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] in "bdgmnprt":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


_CONCEPT_OF = {stem(word): concept for concept, members in CONCEPTS.items() for word in members}


def term(word: str) -> str:
    """The concept `word` belongs to, else its stem."""
    root = stem(word)
    return _CONCEPT_OF.get(root, root)


def terms(text: str) -> frozenset[str]:
    """All that `text` is about."""
    low = text.lower().replace("’", "'").replace("_", " ")
    found = {concept for pattern, concept in PHRASES if pattern.search(low)}
    found |= days_between(low)
    rest = A_DURATION.sub(" ", low)  # "two hours" is a length, no opening hours
    found |= {term(word) for word in words_of(rest) if word not in STOP}
    if "weekend" in found:
        found |= {term("saturday"), term("sunday")}
    return frozenset(found)


def days_between(low: str) -> set[str]:
    """The stems of every day in "monday to friday", ends included."""
    found: set[str] = set()
    for first, last in DAY_RANGE.findall(low):
        start, end = DAYS.index(first), DAYS.index(last)
        count = (end - start) % 7 + 1
        found |= {term(DAYS[(start + step) % 7]) for step in range(count)}
    return found
