"""How callers wrap a wish, by language: what may stand around it without changing it. Data, of no business.

A word that is listed nowhere here has to be explained by the examples of a phrase, or the phrase does not answer. So a
list that is too short costs an instant answer, and one that is too long costs a wrong one: `light` holds only words
that never make another question of a question, and no list holds a negation, a past tense, an "also" or a "my".
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manners:
    """`spelled` writes contractions out and `fillers` are dropped wherever they stand. `frames` is a pattern of
    courtesies that may open an utterance, one after another. `light` are words of grammar. `stray` ones are what a
    recogniser makes of a swallowed syllable: they cost, but refuse nothing. `subjects` open a statement unless an
    example opens so too, or the clause is an asked one (`asked`: "if you take cards"). A
    question that opens with one of `yes_or_no` and has no `asking` word is not an example that has one."""

    spelled: tuple[tuple[re.Pattern[str], str], ...] = ()
    fillers: frozenset[str] = frozenset()
    frames: re.Pattern[str] | None = None
    light: frozenset[str] = frozenset()
    stray: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    asking: frozenset[str] = frozenset()
    yes_or_no: frozenset[str] = frozenset()


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _frames(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{'|'.join(patterns)})(?: |$))+")


def _spelled(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), plain) for pattern, plain in pairs)


_ENGLISH = Manners(
    spelled=_spelled(
        (r"\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"'m\b", " am"),
        (r"\byou're\b", "your"),  # to a recogniser the same
        (r"'re\b", " are"),
        (r"'ll\b", " will"),
        (r"'ve\b", " have"),
        (r"\b(i|you|we|they)'d\b", r"\1 would"),
        (r"\b(what|where|when|how|who|that|it|there|here)'s\b", r"\1 is"),
        (r"'s?\b", ""),
    ),
    fillers=_listed(
        """um uh er erm hmm ah oh eh huh hello hi hey yes yeah yep okay ok well so please sorry just quickly
        actually really exactly usually normally generally currently maybe perhaps guys sir madam kindly then
        basically alright right pleased"""
    ),
    frames=_frames(
        r"good (?:morning|afternoon|evening|day)",
        r"(?:thanks|thank you)(?: (?:very|so) much)?(?! for\b)",
        r"(?:excuse|pardon) me",
        r"wait(?: a (?:second|moment|minute))?",
        r"(?:hold|hang) on",
        r"one (?:moment|second)",
        r"and",
        r"(?:i am|i was) (?:calling|phoning|ringing) (?:about|for|because|to (?:ask|know|find out|check)(?: about)?)",
        r"(?:i have )?(?:(?:a|one|another) )?(?:(?:quick|short|small|little|simple) )?question(?: about)?",
        r"there",
        r"but",
        r"i am(?= (?:could|can|would|may|what|when|where|how|which|who|do|does|are|is)\b)",  # a recogniser's "um"
        r"(?:could|can|would|will|may|might) (?:you|i) (?:(?:tell|give|let) (?:me|us)|ask(?: you)?|have|get|know)"
        r"(?: know)?(?: about)?",
        r"would you mind (?:telling|giving) (?:me|us)",
        r"(?:tell|give) (?:me|us)(?: about)?",
        r"let me know",
        r"do you (?:happen to )?know",
        r"(?:i )?(?:would|want|wanted|need|wish)(?: like)? to (?:know|ask|find out|check|hear|learn)(?: you)?",
        r"i (?:want|wanted)(?: you)? to (?:us|as|asked)",  # ... to ask, misheard
        r"(?:i am|i was) (?:wondering|looking for|interested in)(?: about)?",
        r"i (?:would like|want|need)(?: to)?(?: have)?",
        r"(?:(?:what|how) )?about",
        r"(?:is it|would it be) possible to",
    ),
    light=_listed(
        """a an the is are am be do does can could would will shall you your it that this there here at in on of to
        for with by i me we us any some and or what which have possible if whether"""
    ),
    stray=_listed("as has us but than up off out into its them their one her doe like"),
    subjects=frozenset(
        ["i", "we", "you", "he", "she", "they", "it is", "it was", "this is", "that is", "that was", "there is"]
    ),
    asked=frozenset(["if", "whether"]),
    asking=_listed("what which where when how who why"),
    yes_or_no=_listed("do does is are am can could will would have has may"),
)

_SPANISH = Manners(
    spelled=_spelled((r"\bpor favor\b", " ")),
    fillers=_listed(
        """eh em este pues bueno hola vale ok oiga oye mire mira perdon disculpe disculpa favor gracias digame ah
        oh ay a ver entonces exactamente normalmente usted ustedes senor senora senorita solo"""
    ),
    frames=_frames(
        r"buen(?:os|as|) (?:dias|tardes|noches|dia)",
        r"por",
        r"una? (?:pregunta|consulta|momento|segundo)(?: rapida)?",
        r"(?:me )?(?:podria|puede|podrian|pueden|puedes|podrias)n? (?:decirme|darme|indicarme|informarme|decir|dar)"
        r"(?: sobre)?",
        r"me (?:podria|puede|podrian|pueden) (?:decir|dar|indicar)",
        r"(?:quisiera|queria|quiero|me gustaria|necesito|deseo)(?: (?:saber|preguntar|conocer|tener))?(?: sobre| por)?",
        r"(?:llamo|llamaba) (?:para (?:preguntar|saber)|por)",
        r"(?:digame|deme|dime|dame)",
        r"(?:sabe|saben|sabria) (?:usted )?",
        r"tengo una (?:pregunta|duda)(?: sobre)?",
        r"y",
    ),
    light=_listed(
        """el la los las lo un una unos unas de del al a en con por para que cual cuales es son esta estan hay su
        sus se le les me y o tiene tienen puedo puede pueden podria posible ahi aqui alli si"""
    ),
    subjects=frozenset(["yo", "nosotros", "usted", "tu", "ellos", "ella"]),
    asked=frozenset(["si"]),
    asking=_listed("que cual cuales donde cuando como quien cuanto cuanta cuantos por"),
    yes_or_no=_listed("es son esta estan hay tiene tienen puedo puede pueden se"),
)

_BY_LANGUAGE = {"en": _ENGLISH, "es": _SPANISH}
_NONE = Manners()


def manners_of(language: str) -> Manners:
    """Those of `es-US` are those of `es`. An unknown language has none: there, every word has to be explained."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _NONE)
