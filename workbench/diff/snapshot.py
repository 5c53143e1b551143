"""A stack as it is compared: its manifest as data that can be told from another revision's, without its secrets."""

import base64
import hashlib
import hmac
import html
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, quote_plus

from workbench.manifest import Archive, Manifest, Resource, Secret, plain, storable

_TELLING = 8
"""The characters from which on the text of a secret is hidden wherever else it turns up. Shorter ones are words."""

_WORD = 16
"""The same for a text of letters alone: `database` is a word, also where it is the value of a secret."""


@dataclass(frozen=True)
class Hidden:
    """A secret. Two are equal where the secrets are; the digest says nothing else, and is never shown."""

    digest: str = field(repr=False)


@dataclass(frozen=True)
class Code:
    """An archive: what is in it, where that is known. Two are equal where their digests are."""

    digest: str
    files: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Digests by path."""
    packages: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Versions by name, of what is installed into it from a lock."""


@dataclass(frozen=True)
class Entry(Resource):
    """One resource of a snapshot: as in the manifest, with `Hidden` for secrets and `Code` for archives."""


@dataclass(frozen=True)
class Snapshot:
    """A whole stack at one revision, resources sorted by URN."""

    project: str
    stack: str
    region: str
    entries: Sequence[Entry]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def by_urn(self) -> Mapping[str, Entry]:
        """The entries by URN."""
        return self._by_urn

    @cached_property
    def _by_urn(self) -> Mapping[str, Entry]:
        return {entry.urn: entry for entry in self.entries}

    def components_of(self, entry: Entry) -> Sequence[str]:
        """The names of the components that hold an entry, the outermost first."""
        known, names = self.by_urn(), list[str]()
        above = known.get(entry.parent)
        while above is not None:
            names.insert(0, above.name)
            above = known.get(above.parent)
        return names


Contents = Callable[[Path], tuple[Mapping[str, str], Mapping[str, str]] | None]
"""Says which files (digests by path) and which packages (versions by name) are in an archive, where it knows."""


def secrets_of(manifest: Manifest) -> set[str]:
    """The texts of a stack's secrets that `snapshot_of` hides wherever they turn up."""
    found: set[str] = set()
    for resource in manifest.resources:
        _note_secrets(resource.inputs, found)
    _note_secrets(manifest.outputs, found)
    return _telling(found)


def told(values: Sequence[Any]) -> set[str]:
    """The same of values that hold secrets, wherever they are from."""
    found: set[str] = set()
    _note_secrets(values, found)
    return _telling(found)


def _telling(texts: Collection[str]) -> set[str]:
    return {text for text in texts if len(text) >= (_WORD if text.isalpha() else _TELLING)}


def without(secrets: Collection[str], text: str) -> str:
    """A text in which nothing of these secrets is told."""
    for form in _forms(secrets):
        text = text.replace(form, "[secret]")
    return text


def _forms(secrets: Collection[str]) -> list[str]:
    """Each secret as it is, and as documents, addresses and headers have it; the longest first."""
    forms = {form for text in secrets for form in (text, *_escaped(text), *_in_base64(text))}
    return sorted(forms, key=len, reverse=True)


def _escaped(text: str) -> Iterator[str]:
    data = text.encode(errors="surrogatepass")
    for only in (True, False):
        yield json.dumps(text, ensure_ascii=only)[1:-1]
    yield from (quote(data, safe=safe) for safe in ("", "/"))
    yield quote_plus(data)
    yield html.escape(text)


def _in_base64(text: str) -> Iterator[str]:
    """What base64 makes of a text: as a whole, and where one or two bytes of something else are in front of it."""
    data = text.encode(errors="surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        # Only the letters that hold nothing of what is around it.
        inner = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6].decode()
        yield inner
        yield inner.translate(_FOR_ADDRESSES)


_FOR_ADDRESSES = str.maketrans("+/", "-_")


def snapshot_of(
    manifest: Manifest,
    region: str,
    key: bytes,
    contents: Contents | None = None,
    others: Collection[str] = (),
) -> Snapshot:
    """What of an evaluated stack is compared.

    `key` is random, and the same for both sides of a comparison: it keeps the digests of secrets from being guessed.
    The text of a secret is hidden wherever else it turns up, whether or not the program marked it there; so are the
    texts of `others`, the secrets of the other side, so that both sides hide the same.
    """
    hide = _Hiding({*secrets_of(manifest), *others}, key, contents)
    return Snapshot(
        project=manifest.project,
        stack=manifest.stack,
        region=region,
        entries=[hide.entry(resource) for resource in manifest.resources],
        outputs=cast("Mapping[str, Any]", hide.value(manifest.outputs)),
    )


class _Hiding:
    """Takes the secrets out of one stack."""

    def __init__(self, texts: Collection[str], key: bytes, contents: Contents | None) -> None:
        self._key = key
        self._contents = contents
        self._texts = _forms(texts)

    def entry(self, resource: Resource) -> Entry:
        return Entry(**{name: self.value(value) for name, value in _fields_of(resource).items()})

    def value(self, value: Any) -> Any:
        match value:
            case Mapping():
                pairs = cast("Mapping[str, Any]", value).items()
                return {self._text(key): self.value(item) for key, item in pairs}
            case list() | tuple():
                return [self.value(item) for item in cast("Sequence[Any]", value)]
            case Secret():
                text = json.dumps(storable(plain(value.value)), sort_keys=True)
                return Hidden(hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest())
            case Archive():
                known = self._contents(value.path) if self._contents and value.content is None else None
                return Code(value.digest(), *(self.value(each) for each in known or (_listed(value), {})))
            case str():
                return self._text(value)
            case _:
                return value

    def _text(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, "[secret]")
        return text


def _note_secrets(value: Any, found: set[str], *, inside: bool = False) -> None:
    match value:
        case Secret():
            _note_secrets(value.value, found, inside=True)
        case Mapping():
            for item in cast("Mapping[str, Any]", value).values():
                _note_secrets(item, found, inside=inside)
        case list() | tuple():
            for item in cast("Sequence[Any]", value):
                _note_secrets(item, found, inside=inside)
        case str() if inside:
            found.add(value)
        case _:
            pass


def _listed(archive: Archive) -> Mapping[str, str]:
    """The files of an archive that is there, or the parts of one that the program puts together."""
    if archive.content is not None:
        return {name: part.digest() for name, part in archive.content.get("assets", {}).items()}
    path = archive.path
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    folder = path if path.is_dir() else path.parent
    return {
        each.relative_to(folder).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in paths
        if each.is_file()
    }


def stored(snapshot: Snapshot) -> str:
    """A snapshot as JSON, to hand it from one process to another."""
    return json.dumps(_packed(_fields_of(snapshot)))


def restored(text: str) -> Snapshot:
    """The snapshot that `stored` made a text of."""
    document = cast("dict[str, Any]", _unpacked(json.loads(text)))
    entries = [Entry(**entry) for entry in document.pop("entries")]
    return Snapshot(**document, entries=entries)


def _packed(value: Any) -> Any:
    """`value` as JSON: each list begins with a tag, so that no list can be taken for a secret or an archive."""
    match value:
        case Hidden():
            return ["hidden", value.digest]
        case Code():
            return ["code", value.digest, dict(value.files), dict(value.packages)]
        case Entry():
            return _packed(_fields_of(value))
        case Mapping():
            return {key: _packed(item) for key, item in cast("Mapping[str, Any]", value).items()}
        case list() | tuple():
            return ["plain", *(_packed(item) for item in cast("Sequence[Any]", value))]
        case _:
            return value


def _fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _unpacked(value: Any) -> Any:
    match value:
        case dict():
            return {key: _unpacked(item) for key, item in cast("dict[str, Any]", value).items()}
        case ["hidden", digest]:
            return Hidden(digest)
        case ["code", digest, files, packages]:
            return Code(digest, files, packages)
        case ["plain", *items]:
            return [_unpacked(item) for item in items]
        case _:
            return value
