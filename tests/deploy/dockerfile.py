"""Carries a Dockerfile out without an engine: each stage is a folder, each RUN line runs in a bare environment, by a
user who is not root. What it does not know is an error, so that nothing of the file goes untested unnoticed.

It is no container: the system beneath is this machine's, and so is the Python that the base image would bring.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

USER = 10001
ABOUT_THE_IMAGE = {"EXPOSE", "VOLUME"}
# What leads pip to its index and its certificates on this machine; everything else of ours stays outside.
OF_THE_MACHINE = ("PIP_", "SSL_CERT", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")


@dataclass(slots=True)
class Stage:
    """One FROM and what follows it. `root` stands for the image's `/`."""

    root: Path
    workdir: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""
    stop_signal: str = ""
    health: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def place(self, path: str) -> Path:
        """Where the image's `path` is on this machine."""
        return self.root / (self.workdir / path).relative_to("/")

    @property
    def cwd(self) -> Path:
        return self.place(".")

    def environment(self, bare: Mapping[str, str]) -> dict[str, str]:
        """`bare`, and what ENV says; its paths are those of this machine."""
        ours = {name: str(self.place(value)) if value.startswith("/") else value for name, value in self.env.items()}
        return {**bare, **ours}


class Build:
    """`context` is the folder that is sent to the engine; `scratch` belongs to this build."""

    def __init__(self, file: Path, context: Path, scratch: Path) -> None:
        self._file = file
        self._context = context
        self._scratch = scratch
        self._ignored = ignored(context / ".dockerignore")
        self._arguments: dict[str, str] = {}
        self.stages: dict[str, Stage] = {}
        self.ran: list[str] = []

    def run(self) -> Stage:
        """The last stage. Raises AssertionError with what a line said that failed."""
        stage: Stage | None = None
        for word, rest in instructions(self._file.read_text()):
            rest = re.sub(r"\$\{(\w+)\}", lambda match: self._arguments[match[1]], rest)
            if word == "ARG":
                name, _, value = rest.partition("=")
                self._arguments[name] = value
            elif word == "FROM":
                stage = self._begin(rest)
            else:
                assert stage is not None, f"{word} before FROM"
                self._carry_out(stage, word, rest)
        assert stage is not None
        return stage

    def _begin(self, rest: str) -> Stage:
        base, _, name = rest.partition(" AS ")
        assert base.startswith("python:3.13"), f"{base} is not the Python that was locked for"
        stage = Stage(self._scratch / (name or "image"))
        stage.root.mkdir()
        self.stages[name or "image"] = stage
        return stage

    def _carry_out(self, stage: Stage, word: str, rest: str) -> None:
        match word:
            case "WORKDIR":
                stage.workdir = PurePosixPath(rest)
                stage.cwd.mkdir(parents=True, exist_ok=True)
            case "ENV":
                stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "COPY":
                self._copy(stage, shlex.split(rest))
            case "RUN":
                self._run(stage, rest)
            case "USER":
                stage.user = rest
            case "STOPSIGNAL":
                stage.stop_signal = rest
            case "HEALTHCHECK":
                stage.health = json.loads(rest.partition(" CMD ")[2])
            case "ENTRYPOINT":
                stage.entrypoint = json.loads(rest)
            case "CMD":
                stage.command = json.loads(rest)
            case _:
                assert word in ABOUT_THE_IMAGE, f"{word}: this test does not know it"

    def _copy(self, stage: Stage, words: list[str]) -> None:
        options = dict(word.removeprefix("--").split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        of = self.stages[options["from"]] if "from" in options else None
        for source in sources:
            origin = of.place(source) if of is not None else self._context / source
            assert origin.exists(), f"COPY {source}: there is none"
            to = stage.place(target)
            to = to / origin.name if target.endswith("/") and origin.is_file() else to
            if of is not None:
                shutil.copytree(origin, to, symlinks=True)
            else:
                self._copy_context(origin, to)
            if "chown" in options:
                assert options["chown"] == f"{USER}:{USER}"
                _give(to)

    def _copy_context(self, origin: Path, to: Path) -> None:
        files = [origin] if origin.is_file() else [file for file in origin.rglob("*") if file.is_file()]
        sent = [file for file in files if not self._ignored(file.relative_to(self._context))]
        assert sent, f"{origin}: .dockerignore keeps all of it back"
        for file in sent:
            copy = to / file.relative_to(origin) if file != origin else to
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)

    def _run(self, stage: Stage, line: str) -> None:
        self.ran.append(line)
        _give(stage.cwd)
        done = subprocess.run(
            [*as_nobody(), "/bin/sh", "-c", line],
            cwd=stage.cwd,
            env=stage.environment(bare_environment(self._scratch)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"RUN {line}\n{done.stdout}"


def instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def ignored(file: Path) -> "Ignored":
    lines = (line.strip() for line in file.read_text().splitlines())
    return Ignored([line for line in lines if line and not line.startswith("#")])


class Ignored:
    """.dockerignore: of all patterns that match a path or a folder above it, the last one decides."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns

    def __call__(self, path: Path) -> bool:
        out = False
        for pattern in self._patterns:
            if self._matches(pattern.removeprefix("!"), path):
                out = not pattern.startswith("!")
        return out

    @staticmethod
    def _matches(pattern: str, path: Path) -> bool:
        anywhere = pattern.startswith("**/")
        for above in (path, *path.parents[:-1]):
            name = above.name if anywhere else str(above)
            if fnmatchcase(name, pattern.removeprefix("**/")):
                return True
        return False


def bare_environment(scratch: Path) -> dict[str, str]:
    """A path with the system's programs and one Python called `python`, a home, and the way to pip's index."""
    programs = scratch / "programs"
    programs.mkdir(exist_ok=True)
    python = programs / "python"
    if not python.exists():
        python.symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    machine = {name: value for name, value in os.environ.items() if name.startswith(OF_THE_MACHINE)}
    return {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(scratch / "nowhere"), **machine}


def as_nobody() -> list[str]:
    """Words that make the rest of a command another user's, who may write nowhere. They may read everything: the
    Python of this machine may lie in a home that is closed to others."""
    if os.geteuid() != 0:
        return []
    reads = "+dac_read_search"
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", "--bounding-set",
            f"-all,{reads}", "--inh-caps", f"-all,{reads}", "--ambient-caps", reads]  # fmt: skip


def _give(path: Path) -> None:
    """To the user of the lines, where we can; else it is ours, and so are the lines."""
    if os.geteuid() != 0:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, USER, USER, follow_symlinks=False)
