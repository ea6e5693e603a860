"""The edition in use, the editions that calls still hold, and the way from one to the next.

A changed folder is read and checked off the loop. What is right becomes the edition of new calls, with its own audio,
tools and sessions; what is wrong is refused and changes nothing. A call keeps what it began with: it holds its casting,
and a casting lives as long as somebody holds it. Pages are kept in the store under the edition's hash while they are in
use, so that another process can take up a call whose edition it never had on disk.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import structlog

from app.bridge.incoming import Incoming
from app.bridge.pace import AnswerPace
from app.bridge.staff import Cast
from app.cache.render import Renderer
from app.cache.shelf import AudioShelf, engines_allowed, fill_shelf
from app.cache.store import Store, StoreGone
from app.call.prices import Prices
from app.call.setup import Timings
from app.call.snapshots import read_facts
from app.casting import Casting, wall_ms
from app.content.faults import ContentError, Fault
from app.edition import Edition, edition_of, load_edition
from app.settings import Settings
from app.tools.host import ToolHost
from app.tools.library import Code, code_texts
from app.tools.threads import begin

log = structlog.get_logger()

PAGES = "edition"  # kind of document in the store
RENEW_S = 300
RENDER_LIMIT_S = 600
SLOW_DISK_S = 10  # to read some dozens of pages


class Editions:
    """One for each process, after `begin`. `host` makes a host for an edition's tools. `render` records what a new
    edition lacks before it is used; without it a new line is silent until somebody renders it."""

    def __init__(
        self,
        settings: Settings,
        timings: Timings,
        store: Store,
        host: Callable[[Edition], ToolHost],
        render: Renderer | None = None,
        clock: Callable[[], int] = wall_ms,
        prices: Prices | None = None,
    ) -> None:
        self.pace = AnswerPace(timings.slow_answer)
        self.refused: tuple[Fault, ...] = ()
        self._settings = settings
        self._timings = timings
        self._store = store
        self._host = host
        self._render = render
        self._clock = clock
        self._prices = prices or Prices()
        self._followers: list[Callable[[Casting], None]] = []
        self._castings: WeakValueDictionary[str, Casting] = WeakValueDictionary()
        self._looking = asyncio.Lock()
        self._undeployed: tuple[str, ...] = ()
        self._unrendered: dict[str, tuple[str, ...]] = {}  # what could not be said, by edition

    async def begin(self, edition: Edition) -> None:
        """The first edition. Fills its shelf from what is there; renders nothing, for callers wait already."""
        self._current = await self._casting(edition, self._host(edition))
        self._castings[edition.hash] = self._current

    def follow(self, follower: Callable[[Casting], None]) -> None:
        """Tell `follower` of each casting that becomes the one in use, from the next on."""
        self._followers.append(follower)

    @property
    def current(self) -> Casting:
        """What new calls are cast from."""
        return self._current

    @property
    def tools_left_behind(self) -> int:
        """Tools of all editions that go on though nobody waits for them."""
        return sum(host.left_behind for host in {casting.host for casting in self._castings.values()})

    def state(self) -> dict[str, Any]:
        """For /readyz: what is in use, and what was refused and why."""
        return {
            "edition": self._current.edition.hash,
            "refused": [str(fault) for fault in self.refused],
            "needs_deployment": list(self._undeployed),
        }

    # --- calls ----------------------------------------------------------------------------------------------------

    def cast(self, incoming: Incoming) -> Cast:
        """A new call."""
        return self._current.cast(incoming)

    async def recast(self, incoming: Incoming, snapshot: Mapping[str, Any]) -> Cast:
        """A call that began before, here or in another process: with its own edition where that can be had, else with
        the one in use. Never raises for what a snapshot holds."""
        try:
            facts = read_facts(snapshot)
        except ValueError:
            return self.cast(incoming)
        return (await self._of(facts.edition)).recast(incoming, facts)

    async def _of(self, name: str) -> Casting:
        return self._castings.get(name) or await self._from_store(name) or self._current

    async def _from_store(self, name: str) -> Casting | None:
        try:
            kept = await self._store.get(PAGES, name)
            if kept is None:
                log.warning("! a call's edition is gone: it goes on with the one in use", edition=name)
                return None
            made = await asyncio.to_thread(edition_of, kept["texts"], self._code)
        except (StoreGone, ContentError, KeyError, TypeError, AttributeError) as error:
            log.warning("! a call's edition cannot be made again", edition=name, error=str(error))
            return None
        # Our code may differ from that of the process it comes from; the name stays, for sessions are known by it.
        casting = await self._casting(replace(made, hash=name), self._host(made))
        return self._castings.setdefault(name, casting)

    # --- from one edition to the next -----------------------------------------------------------------------------

    async def look(self) -> None:
        """Read the folder and change over to what it holds now, if that is right. Raises nothing."""
        async with self._looking:
            try:
                await self._look()
            except ContentError as wrong:
                self._refuse(wrong.faults)
            except Exception:
                log.exception("! the content could not be looked at; the edition in use stays")

    async def _look(self) -> None:
        folder = self._settings.content_dir
        self._name_undeployed(await self._read(lambda: code_texts(folder)))
        edition = await self._read(lambda: load_edition(folder, self._code))
        self.refused = ()
        same = edition.hash == self._current.edition.hash
        await self._record(edition)
        casting = await self._casting(edition, self._current.host if same else self._host(edition))
        before, self._current = self._current, casting
        self._castings[edition.hash] = casting
        await self._keep_pages()
        for follower in self._followers:
            follower(casting)
        if same:
            log.info("= the edition's audio was looked at again", edition=edition.hash)
        else:
            log.info("= another edition is in use", edition=edition.hash, before=before.edition.hash)

    async def _read[T](self, work: Callable[[], T]) -> T:
        """From the folder. A disk that stands still holds up this edit and nothing else: not the loop, not the threads
        that others need, not the end of the process."""
        reading = begin(work, "content")
        done, _ = await asyncio.wait({reading}, timeout=SLOW_DISK_S)
        if not done:
            log.warning("! the content's disk does not answer: the edition in use stays until it does")
        return await asyncio.shield(reading)

    def _refuse(self, faults: tuple[Fault, ...]) -> None:
        self.refused = faults
        for fault in faults:
            log.error(
                "! an edit is refused; the edition in use stays",
                edition=self._current.edition.hash,
                file=fault.file,
                line=fault.line,
                field=fault.field,
                problem=fault.problem,
                fix=fault.fix,
            )

    def _name_undeployed(self, texts: Mapping[str, str]) -> None:
        """Say once for each state of the files which of them wait for a deployment."""
        ours = self._code.sources
        changed = tuple(sorted(name for name in {*texts, *ours} if texts.get(name) != ours.get(name)))
        if changed and changed != self._undeployed:
            log.warning("! tools that are code have changed: that needs a deployment", files=changed)
        self._undeployed = changed

    @property
    def _code(self) -> Code:
        return self._current.edition.toolbox.code

    # --- audio ----------------------------------------------------------------------------------------------------

    async def _record(self, edition: Edition) -> None:
        """Have the lines said that nobody has said yet. What cannot be said keeps no edition back."""
        if self._render is None or edition.hash in self._unrendered:
            return
        try:
            async with asyncio.timeout(RENDER_LIMIT_S):
                report = await self._render(edition.catalogue, edition.narrators)
        except Exception as error:
            self._unrendered = {edition.hash: ("all",)}
            log.warning("! the new phrases could not be rendered", edition=edition.hash, error=repr(error))
            return
        if report.failed:
            self._unrendered = {edition.hash: tuple(report.failed)}
            log.warning("! phrases could not be rendered", edition=edition.hash, phrases=sorted(report.failed))

    async def _casting(self, edition: Edition, host: ToolHost) -> Casting:
        shelf = await self._shelf(edition)
        return Casting(self._settings, edition, self._timings, shelf, host, self.pace, self._clock, self._prices)

    async def _shelf(self, edition: Edition) -> AudioShelf:
        folder, engines = self._settings.content_dir, engines_allowed(self._settings.foreign_audio)
        return await fill_shelf(edition.catalogue, edition.narrators, folder, self._store, engines)

    # --- pages in the store ---------------------------------------------------------------------------------------

    async def keep_pages(self) -> None:
        """For as long as it is not cancelled: every edition that is in use here can be had from the store."""
        while True:
            await self._keep_pages()
            await asyncio.sleep(RENEW_S)

    async def _keep_pages(self) -> None:
        try:
            for name, casting in list(self._castings.items()):
                await self._store.put(
                    PAGES, name, {"texts": casting.edition.texts}, casting.longest_call_s + 3 * RENEW_S
                )
        except StoreGone as gone:
            log.warning("! the store does not take the edition's pages", why=str(gone))
