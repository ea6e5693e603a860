"""How callers wrap a wish, by language: what may stand around it without changing it. Data, of no business.

A word that is listed nowhere here has to be explained by the examples of a phrase, or the phrase does not answer. So a
list that is too short costs an instant answer, and one that is too long costs a wrong one: `light` holds only words
that never make another question of a question, and no list holds a negation, a past tense, an "also" or a "my".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Manners:
    """`spelled` writes contractions out and `fillers` are dropped wherever they stand. `frames` is a pattern of
    courtesies that may open an utterance, one after another, `endings` of those that may close it. `same` are synonyms
    in any business. `light` are words of grammar, `idle` ones that name nothing by themselves ("get", "available").
    `stray` ones are what a recogniser makes of a swallowed syllable: they cost, but refuse nothing. `subjects` open a
    statement unless an example opens so too. `firm` words change a wish and are heard rightly: they are never taken for
    a mishearing of another.

    `kinds` tell what is asked (a price, a place, yes or no), by the name of the group that matches first; the patterns
    are tried in order, on words in their stems. `within` are the words that say no more than the kind itself. Where
    nothing is asked the kind is "": a wish or a bare name, which one of the kinds in `named` may answer. `joints` part
    clauses; after one of them, an `opener` begins a question of its own. Something follows a `leading` word: where one
    ends a wish, another word was said ("is the car park full", heard as "will"). `asking` words make another question
    of the one that they open."""

    spelled: tuple[tuple[re.Pattern[str], str], ...] = ()
    fillers: frozenset[str] = frozenset()
    frames: re.Pattern[str] | None = None
    light: frozenset[str] = frozenset()
    stray: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    endings: re.Pattern[str] | None = None
    same: Mapping[str, str] = field(default_factory=dict)
    idle: frozenset[str] = frozenset()
    firm: frozenset[str] = frozenset()
    kinds: tuple[re.Pattern[str], ...] = ()
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    joints: frozenset[str] = frozenset()
    openers: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    leading: frozenset[str] = frozenset()
    asking: frozenset[str] = frozenset()


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _frames(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{'|'.join(patterns)})(?: |$))+")


def _endings(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:^| )(?:{'|'.join(patterns)}))+$")


def _same(*groups: str) -> dict[str, str]:
    """Every word of a group by its first."""
    return {word: group.split()[0] for group in groups for word in group.split()[1:]}


def _kinds(*tiers: Mapping[str, str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile("|".join(rf"(?P<{name}>{words})" for name, words in tier.items())) for tier in tiers)


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
        (
            r"\b(?:is it|would it be|it is) (?:possible|okay|ok|allowed|alright|all right|fine)"
            r" (?:for me to|to|if i)\b",
            "can i",
        ),
        (r"\b(?:am i|are we) (?:allowed|able) to\b", "can i"),
        (r"\bis there (?:a|any) way (?:for me to|to|i can|i could)\b", "can i"),
        (r"^(?:his|is) his\b", "is this"),
        (r"^his\b|(?<=\bhow (?:long|much)) his\b", " is"),  # a question's first word, swallowed
        (r"^our\b(?! view)", "are"),
        (r"^watch(?= (?:the|your)\b)", "what is"),
        (r"^like\b", ""),
        (r"(?<=\bhow expensive) his\b", " is"),
        (r"\bhow on\b(?! (?:earth|a|the)\b)", "how long"),
        (r"\b(?:come|type|in|i'm not)(?= (?:much|many)\b)", "how"),
        (r"^goodbye(?= \w+ \w)|\bi'm good i\b", "could i"),
        (r"(?<=\bhow )((?:long|many|much)\b.*) trade(?:r?s)?$", r"\1 take"),
        (r"\bdo yourself$", "do you sell"),
        (r"^mate i(?:'d)?\b", "may i"),
        (r"\bwhat (?:exactly )?(?=do you (?:guys )?(?:open|close)\b)", "when "),
        (r"\b(?:have|need|has) to be\b", "required"),  # a condition, and no having
        (r"\bwhat is the (?:best|easiest|quickest|fastest) way (?:for me to|to)\b", "how do i"),
    ),
    fillers=_listed(
        """um uh er erm hmm ah oh eh huh hello hi hey yes yeah yep okay ok well so please sorry just
        actually really exactly usually normally generally currently maybe perhaps guys sir madam kindly then
        basically alright right pleased exact roughly approximately typically usual typical average regular"""
    ),
    endings=_endings(
        r"again",
        r"thank you(?: (?:very|so) much)?",
        r"thanks(?: a lot)?",
        r"if (?:i|you) (?:may|can|could|do not mind)(?: (?:me )?(?:ask|asking|tell me|say))?",
        r"(?:do|would) you (?:happen to )?know",
        r"(?:can|could|would) you tell me",
        r"(?:can|may|could) i ask",
        r"is (?:that|this|it) (?:possible|allowed|fine)",
        r"(?:on|in) (?:average|general)",
        r"by any chance",
        r"quickly",
        r"for me",
        r"at all",
        r"or so",
    ),
    frames=_frames(
        r"(?:remind me|again|help me|quickly)",
        r"i (?:just )?(?:forgot|forget)",
        r"i am (?:trying|hoping|calling|phoning) to",
        r"(?:any idea|by any chance)",
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
        r"in",
    ),
    same=_same(
        "shop store",
        "bike bicycle",
        "repair fix mend",
        "rent hire",
        "buy purchase",
        "phone telephone",
        "try test",
        "tire tyre",
        "customer client people",
        "car automobile",
        "let allow",
        "near nearby",
        "find locate reach",
        "ride rid",
        "do doe",
        "where whereabout",
        "hour schedule timetable",
        "take accept accepted",
    ),
    idle=_listed(
        """get getting use using available way actual keep option kind sort type anywhere somewhere own okay fine one
        talk speak"""
    ),
    kinds=_kinds(
        {"long": r"\bhow (?:long|fast|soon|quick(?:ly)?)\b|\bhow (?:much|many) (?:time|minute|hour|day|week|month)\b"},
        {"price": r"\bhow (?:much|expensive)\b|\b(?:cost|price|pricing|charge|rate|fee|expensive|cheap)\b"},
        {
            "when": r"\bwhen\b|\b(?:what|which) time(?! (?:is|are) your)\b|\bhow (?:late|early)\b",
            "where": r"\bwhere\b|\bwhereabout\b",
            "why": r"\bwhy\b",
            "whose": r"\bwhose\b",
            "who": r"\bwho\b",
            "how": r"\bhow\b",
            "which": r"\b(?:what|which)\b",
        },
        {"be": r"^(?:are you|am i|is (?:this|that|it)|are (?:they|we))\b"},
        {
            "ask": r"^(?:is|are|do|does|can|could|may|will|would|must|shall|should)\b"
            r"|\b(?:is there|are there|(?:do|does|can|could|may|will|would|must|should) (?:you|i|we|customer))\b"
            r"|\b(?:if|whether)\b"
        },
    ),
    within={
        "price": _listed("how much many expensive cost price pricing charge rate fee cheap set take need daily"),
        "long": _listed("how long fast soon quick quickly much many time minute hour day week month take need wait"),
        "when": _listed("when what which time how late early"),
        "where": _listed("where whereabout"),
        "how": _listed("how"),
        "who": _listed("who whose"),
    },
    named=frozenset(["", "which", "ask"]),
    articles=_listed("a an the any some your do can could is are of to at in on for"),
    joints=frozenset(["and", "or", "but"]),
    asking=_listed("what which when where how who whose why old"),  # how old
    leading=_listed("a an the will would shall should could may might must my your"),
    openers=_listed(
        """what which when where how who whose why do does is are am can could will would has may must should
        tell give i"""
    ),
    firm=_listed(
        """book booking reserve order cancel buy sell change move bring pick send call speak talk return complain
        leave message reach ship deliver collect drop wait come go went had was were did been not no never nothing
        without stop monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight yesterday week
        month year next last night noon lunch holiday christmas easter special new old used cheap best worst first
        second other another more less than before after during until since because my his her their child
        children kid student son daughter wife husband friend dog cat he she they why who someone somebody anyone
        one two three four five six seven eight nine ten hundred thousand still already yet only also too even
        number name email website phone manager lock helmet wheel chain part discount free refund invoice receipt
        long short big small large want wanted bought sold lost found broke broken said told asked think thought
        know knew believe like love hate"""
    ),
    light=_listed(
        """a an the is are am be do does can could would will shall you your it that this there here at in on of to
        for with by i me we us any some and or what which have possible if whether may might must should"""
    ),
    stray=_listed("as has us but than up off out into its them their one her doe like"),
    subjects=frozenset(
        ["i", "we", "you", "he", "she", "they", "it is", "it was", "this is", "that is", "that was", "there is"]
    ),
)

_SPANISH = Manners(
    spelled=_spelled((r"\bpor favor\b", " ")),
    fillers=_listed(
        """eh em este pues bueno hola vale ok oiga oye mire mira perdon disculpe disculpa favor digame ah
        oh ay a ver entonces exactamente normalmente usted ustedes senor senora senorita solo"""
    ),
    frames=_frames(
        r"(?:muchas )?gracias(?! por\b)",
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
    endings=_endings(r"gracias", r"si es posible", r"si (?:se )?puede"),
    same=_same(
        "bicicleta bici",
        "auto coche carro",
        "reparar arreglar",
        "reparacion arreglo",
        "alquilar rentar",
        "alquiler renta",
        "estacionar aparcar parquear",
        "estacionamiento aparcamiento parqueo",
        "costar valer",
        "tardar demorar",
        "tarda demora",
        "tardan demoran",
    ),
    idle=_listed("posible disponible hablando hablo hablar"),
    kinds=_kinds(
        {
            "long": r"\bcuanto tiempo\b|\bcuantos (?:dia|hora|minuto|semana)\b"
            r"|\bcuanto (?:se )?(?:tarda|demora|hay que esperar)"
        },
        {"price": r"\bcuant[oa]s?\b|\b(?:precio|tarifa|cuesta|cuestan|vale|cobran)\b"},
        {
            "when": r"\bcuando\b|\bque hora\b|\bque horario\b",
            "where": r"\bdonde\b|\ben que calle\b",
            "why": r"\bpor que\b",
            "who": r"\bquien(?:es)?\b",
            "how": r"\bcomo\b",
            "which": r"\b(?:que|cual|cuales)\b",
        },
        {"be": r"^(?:es|eres|estoy|hablo|son|somos)\b"},
        {
            "ask": r"^(?:hay|tiene|tienen|puedo|puede|pueden|podemos|se|aceptan|ofrecen|venden|dejan|necesito|esta)\b"
            r"|\bsi\b|\b\w+an\b"
        },
    ),
    within={
        "price": _listed("cuanto cuanta cuesta cuestan vale valen precio tarifa cobran sale salen"),
        "long": _listed("cuanto cuantos tiempo dia hora tarda tardan tardar demora demoran demorar esperar necesitan"),
        "when": _listed("cuando hora que"),
        "where": _listed("donde"),
        "how": _listed("como"),
    },
    named=frozenset(["", "which"]),
    articles=_listed("el la los las un una unos unas"),
    joints=frozenset(["y", "e", "o", "pero"]),
    openers=_listed("que cual cuales donde cuando como quien cuanto cuanta cuantos puedo puede pueden hay tienen a"),
)

_BY_LANGUAGE = {"en": _ENGLISH, "es": _SPANISH}
_NONE = Manners()


def manners_of(language: str) -> Manners:
    """Those of `es-US` are those of `es`. An unknown language has none: there, every word has to be explained."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _NONE)
