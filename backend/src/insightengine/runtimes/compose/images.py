"""The images of releases: built or pulled once, kept under names of ours, found by digest."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from insightengine.application.model import Application, Service
from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.runtimes.compose import commands
from insightengine.runtimes.compose.document import Image, build_file
from insightengine.runtimes.compose.files import write_json
from insightengine.runtimes.compose.names import DIGEST_LENGTH, Names
from insightengine.runtimes.compose.runner import Finished, Runner
from insightengine.runtimes.compose.values import listing, parsed, table, text
from insightengine.runtimes.port import Artefact, Output, Source

_BUILD_LIMIT_S = 3600.0
_PULL_LIMIT_S = 1800.0
_SHOWN_LINES = 20


class Images:
    def __init__(self, names: Names, runner: Runner, folder: Path) -> None:
        self._names = names
        self._runner = runner
        self._folder = folder

    def obtain(self, source: Source, name: str, output: Output) -> Artefact:
        service = _service(source.application, name)
        builder = _builder(source.application, service)
        if builder is None:
            found = self._pulled(service, output)
        else:
            found = self._built(source, service, builder, output)
        artefact = Artefact(name, found)
        self._runner.demand(commands.tag(found, self._names.image(artefact)))
        if builder is not None:
            self._runner.ask(commands.untag(self._names.build_tag(name)))
        return artefact

    def _built(self, source: Source, service: Service, builder: Service, output: Output) -> str:
        tag = self._names.build_tag(service.name)
        file = self._folder / f"{source.application.name}.build.{service.name}.{os.getpid()}.json"
        write_json(file, build_file(source.application, builder, tag))
        try:
            argv = commands.build(source.application.name, file, source.folder, builder.name)
            done = self._runner.stream(argv, output, _BUILD_LIMIT_S)
        except TimeoutError as error:
            raise UnavailableError(
                f"the image of {service.name} was not built: {error}", code="build_failed"
            ) from None
        finally:
            file.unlink(missing_ok=True)
        if done.code != 0:
            raise _build_failed(service.name, done)
        digest = self._digest(tag)
        if digest is None:
            raise UnavailableError(
                f"the build of {service.name} left no image {tag}", code="build_failed"
            )
        return digest

    def _pulled(self, service: Service, output: Output) -> str:
        """What the registry has now; without a registry, what is here already."""
        image = service.image or ""
        pinned = self._digest(image) if "@sha256:" in image else None
        if pinned is not None:
            return pinned
        done = self._pull(image, output)
        digest = self._digest(image)
        if digest is None:
            said = done.said[-1] if done.said else "without a word"
            code = "no_space" if _is_full(done) else "fetch_failed"
            raise UnavailableError(
                f"the image {image} of {service.name} cannot be pulled: {said}",
                code=code,
                hint=f"docker pull {image}",
            )
        if done.code != 0:
            output(f"{image} cannot be pulled; the one that is here is used: {digest[:19]}")
        return digest

    def _pull(self, image: str, output: Output) -> Finished:
        try:
            return self._runner.stream(commands.pull(image), output, _PULL_LIMIT_S)
        except TimeoutError as error:
            return Finished(1, "", (str(error),))

    def image(self, artefact: Artefact) -> Image:
        """What Compose is told. Raises NotFoundError when it is not kept any more."""
        name = self._names.image(artefact)
        found = self._inspected(name)
        if text(found.get("Id")) != artefact.digest:
            raise NotFoundError(
                f"the image {artefact.digest[:19]} of {artefact.service} is not on this machine",
                code="artefact_missing",
                hint="deploy its source again: insight deploy",
            )
        return Image(name, text(table(found.get("Config")).get("User")))

    def adopt(self, artefact: Artefact, output: Output) -> None:
        """Raises NotFoundError when the engine has no image of that digest any more."""
        if self._digest(artefact.digest) != artefact.digest:
            raise NotFoundError(
                f"the image {artefact.digest[:19]} of {artefact.service} is not on this machine",
                code="artefact_missing",
                hint="deploy it again where it was tested",
            )
        self._runner.demand(commands.tag(artefact.digest, self._names.image(artefact)))
        output(f"{artefact.service}: {artefact.digest[7:19]} is taken over")

    def has(self, artefact: Artefact) -> bool:
        return self._digest(self._names.image(artefact)) == artefact.digest

    def kept(self) -> tuple[Artefact, ...]:
        done = self._runner.demand(commands.image_list(self._names.repository))
        pairs = (line.split(" ", 1) for line in done.output.splitlines() if " " in line)
        return tuple(Artefact(tag[: -DIGEST_LENGTH - 1], digest) for tag, digest in pairs)

    def discard(self, artefact: Artefact) -> None:
        using = self._runner.demand(
            commands.containers({"platform": self._names.platform, "artefact": artefact.digest})
        ).output.split()
        if using and self._uses_service(using, artefact.service):
            raise ConflictError(
                f"the image {artefact.digest[:19]} of {artefact.service} is used by a container",
                code="artefact_used",
            )
        if self.has(artefact):
            self._runner.demand(commands.untag(self._names.image(artefact)))

    def _uses_service(self, containers: list[str], service: str) -> bool:
        found = listing(parsed(self._runner.ask(commands.inspect(containers)).output))
        labels = (table(table(table(one).get("Config")).get("Labels")) for one in found)
        return any(one.get("io.insightengine.service") == service for one in labels)

    def _digest(self, image: str) -> str | None:
        return text(self._inspected(image).get("Id")) or None

    def _inspected(self, image: str) -> dict[str, object]:
        done = self._runner.ask(commands.image_inspect(image))
        found: list[object] = []
        with contextlib.suppress(ValueError):
            found = listing(parsed(done.output))
        return table(found[0]) if found else {}


def _service(application: Application, name: str) -> Service:
    found = application.service(name)
    if found is None:
        raise NotFoundError(f"{application.file} has no service {name}")
    return found


def _builder(application: Application, service: Service) -> Service | None:
    """The service whose build makes this one's image: usually itself."""
    if service.build is not None:
        return service
    same = (one for one in application.services if one.build and one.image == service.image)
    return next(same, None) if service.image else None


def _is_full(done: Finished) -> bool:
    return any("no space left on device" in line.lower() for line in done.said)


def _build_failed(service: str, done: Finished) -> UnavailableError:
    last = [line for line in done.said if line.strip()][-_SHOWN_LINES:]
    if _is_full(done):
        return UnavailableError(
            f"the image of {service} was not built: the disk of Docker is full",
            code="no_space",
            hint="docker system df, then docker builder prune",
            context={"output": last},
        )
    return UnavailableError(
        f"the image of {service} was not built: {last[-1] if last else 'no output'}",
        code="build_failed",
        context={"output": last},
    )
