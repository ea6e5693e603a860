"""Which of the declared languages a caller's words are in, or none that can be told. Pure and small.

Two kinds of evidence are added up, in words' worth: words of grammar that one language has and another has not, and
endings and letters that are at home in one. Hindi shows by its letters, and by its words where they are written in
Latin ones. A guess needs four words and a clear lead: a wrong one would change the language under a caller's feet.
"""

import re
import unicodedata
from collections.abc import Collection

FEWEST_WORDS = 4
LEAST = 1.5  # evidence for the guess
LEAD = 1.5  # ... more than for any other declared language
LEAD_ABROAD = 0.5  # ... and for any that is not declared
ENDING, LETTER = 0.4, 0.7  # against 1 for a word

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_DEVANAGARI = re.compile("[\u0900-\u097f]")

_WORDS = {
    "en": """the a an and or of to in on at for with from is are was were be been am i you he she it we they my your
        his her our their this that these those do does did don't have has had can could would will should what
        when where which who how why not there here please if about like want need know get it's i'm i'd what's
        hello yes thanks much many any some then just""",
    "es": """el la los las un una unos unas y o de del al en con por para que qué es son está están estoy soy ser hay
        tengo tiene tienen quiero quisiera puede puedo pueden podría mi mis su sus me se le les lo no sí pero como
        cómo cuándo dónde cuál cuánto cuesta usted ustedes yo muy más también hola gracias buenos buenas días
        tardes ha he hasta este esta eso donde cuando cuanto hora abren necesito""",
    "fr": """le la les un une des du de et ou à au aux en avec pour par sur dans est sont suis êtes était ai avez a ont
        je j'ai vous nous il elle on mon ma mes votre vos ce cette c'est qu'est que qui quoi quand où comment
        combien ne pas n'est plus très mais bonjour merci s'il plaît voudrais peux pouvez d'un l'on quelle quel
        est-ce chez y""",
    "de": """der die das ein eine einen einem einer den dem des und oder von zu zum zur in im an am auf mit für bei ist
        sind bin war hat habe haben ich sie er es wir ihr mein meine ihre ihren ihrem mich mir nicht kein keine
        auch wann wo wie was wer welche warum kann können könnte möchte muss bitte danke guten tag ja nein aber
        noch wieviel viel gibt um uhr über""",
    "it": """il lo la i gli le un uno una e o di del della dei delle al alla da dal dalla in nel nella con per su è
        sono sei siete ho ha hanno avete abbiamo io lei noi mio mia suo vostro vostra che chi cosa quando dove
        come quanto quanti quali non più molto ma anche buongiorno grazie vorrei posso può potete potrei c'è qual
        sapere mi si questo questa costa perché""",
    "pt": """o a os as um uma uns umas e ou de do da dos das no na nos nas em com por para pelo pela que é são está
        estão estou sou tem têm tenho eu você vocês ele ela nós meu minha seu sua não sim mas como quando onde
        qual quais quanto muito mais também bom boa obrigado obrigada gostaria queria posso pode podem olá dia
        isso este esta ao à até fica custa""",
    "hi": """hai hain ho hoon hun tha thi mein main mai aap aapka aapki aapke mera meri mere mujhe hum kya kab kahan
        kaise kitna kitne kitni kaun kyon kyun nahi nahin aur ka ki ke ko se par liye bhi kar karna karne raha
        rahi chahiye chahta chahti sakta sakte sakti namaste ji haan yah yeh woh vah dukaan batao bataiye milega""",
}
_ENDINGS = {
    "en": ("ing", "ould", "ght", "tion", "ly", "'s", "n't", "ed"),
    "es": ("ción", "ciones", "dad", "mente", "aron", "ieron", "ando", "iendo", "amos", "illo", "illa"),
    "fr": ("eau", "eux", "aux", "tion", "ment", "ez", "ais", "ait", "oir", "ette", "elle"),
    "de": ("ung", "ungen", "lich", "keit", "heit", "chen", "isch", "ieren", "stag", "rad"),
    "it": ("zione", "zioni", "mente", "iamo", "ando", "endo", "etta", "etto", "tà", "azzo", "iere"),
    "pt": ("ção", "ções", "mente", "dade", "ando", "endo", "inha", "inho", "agem", "am", "ões"),
    "hi": ("enge", "unga", "ungi", "iye", "ata", "ati", "wala", "wali"),
}
_LETTERS = {
    "es": re.compile("[ñ¿¡]"),
    "fr": re.compile("[çèêëîïûœù]"),
    "de": re.compile("[äöüß]"),
    "it": re.compile("[àèìòù]$"),
    "pt": re.compile("[ãõç]"),
}
_KNOWN = {language: frozenset(words.split()) for language, words in _WORDS.items()}


def guess(text: str, declared: Collection[str]) -> str:
    """The one of `declared` ("en-US", "es-US" ...) that `text` is in; "" where it has fewer than four words, where it
    cannot be told, and where it is clearly in none of them."""
    words = _WORD.findall(unicodedata.normalize("NFC", text.lower()).replace("’", "'"))
    if len(words) < FEWEST_WORDS and len(text.split()) < FEWEST_WORDS:
        return ""
    evidence = _evidence(text, words)
    names = {language.partition("-")[0].lower(): language for language in declared}
    best = max(evidence.keys() & names.keys(), key=evidence.__getitem__, default="")
    if not best or evidence[best] < LEAST:
        return ""
    for other, found in evidence.items():
        if other != best and evidence[best] - found < (LEAD if other in names else LEAD_ABROAD):
            return ""
    return names[best]


def _evidence(text: str, words: list[str]) -> dict[str, float]:
    found = {language: 0.0 for language in _KNOWN}
    if len(_DEVANAGARI.findall(text)) * 2 > len(text.replace(" ", "")):
        found["hi"] = float(len(text.split()))
        return found
    for word in words:
        for language, known in _KNOWN.items():
            if word in known:
                found[language] += 1.0
            elif len(word) > 4 and word.endswith(_ENDINGS[language]):
                found[language] += ENDING
            if (letters := _LETTERS.get(language)) is not None and letters.search(word):
                found[language] += LETTER
    return found
