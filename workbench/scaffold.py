"""Writes a new stack from one that is there: its package and its configuration file, both or neither."""

import importlib.util
import keyword
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UserError, quoted
from workbench.project import ROOT, configuration, stack_names
from workbench.stack_texts import Copying

ONE_STACKS = ("api_domain", "api_domain_zone_id", "api_certificate_arn", "api_kept_version", "api_kept_share")
"""Settings that mean one stack's own things: a domain leads to one API, a version is one of one function."""

ONE_ACCOUNTS = (
    "github_oidc_provider_arn",
    "github_state_bucket_arn",
    "github_secrets_key_arn",
    "permissions_boundary_arn",
)
"""Settings that mean things of one account. A stack in another account starts without them."""


@dataclass(frozen=True)
class NewStack:
    """What was written, and what its user has to know of it."""

    stack: str
    source: str
    files: list[str]
    """Relative to the checkout."""

    account: str
    account_is_placeholder: bool
    account_given: bool
    region: str
    left_out: list[str]
    """Settings and secrets that the source has and the new stack has not."""

    def document(self) -> dict[str, Any]:
        """The new stack as `plinth new-stack --json` prints it."""
        return {
            "stack": self.stack,
            "from": self.source,
            "files": self.files,
            "account": self.account,
            "account_is_placeholder": self.account_is_placeholder,
            "region": self.region,
            "left_out": self.left_out,
        }

    def told(self) -> Iterator[str]:
        """The same for a person, with the commands that come next."""
        settings, config = f"stacks/{self.stack}/__init__.py", f"stacks/Pulumi.{self.stack}.yaml"
        yield from (f"Wrote {file}" for file in self.files)
        if self.left_out:
            yield f"Left out, as it is {self.source}'s own: {', '.join(self.left_out)}"
        if self.account_is_placeholder:
            yield f"The account {self.account} is a placeholder: put the stack's own into {config} before deploying it"
        elif not self.account_given:
            yield f"The account is {self.source}'s, {self.account}: change it in {config} where it should be another"
        yield ""
        yield "Next:"
        steps = {
            f"$EDITOR {settings}": "say what it is for, and how large it is",
            f"plinth check {self.stack}": "what the policies say of it",
            f"plinth up {self.stack}": "run it on this machine",
            f"pulumi stack init {self.stack} && pulumi preview": "what AWS would get",
        }
        width = max(map(len, steps))
        yield from (f"  {command:<{width}}  # {meaning}" for command, meaning in steps.items())


def new_stack(
    name: str, source: str = "dev", *, account: str | None = None, region: str | None = None, root: Path = ROOT
) -> NewStack:
    """Writes `stacks/<name>/` and `stacks/Pulumi.<name>.yaml` from those of `source`; overwrites nothing.

    Raises UserError, with nothing written, where the name cannot be a stack's or is taken, where there is no such
    source, or where account or region is none.
    """
    known = stack_names(root)
    _require(source in known, f"There is no stack named {quoted(source)}: give --from {' or '.join(known)}.")
    _require_rule("stack", name, "a name of")
    _require_rule("account_id", account, "--account")
    _require_rule("region", region, "--region")
    _require_free(name, root)

    before = configuration(source, root)
    given = {before.account: account, before.region: region}
    elsewhere = account is not None and account != before.account
    copying = Copying(
        source,
        name,
        values={old: new for old, new in given.items() if new is not None},
        dropped=ONE_STACKS + (ONE_ACCOUNTS if elsewhere else ()),
        placeholders_filled=account is not None,
    )
    package = _package(root / "stacks" / source, copying)
    text = copying.configuration((root / "stacks" / f"Pulumi.{source}.yaml").read_text())
    _publish(root / "stacks", name, package, text)

    after = configuration(name, root)
    return NewStack(
        stack=name,
        source=source,
        files=[f"stacks/Pulumi.{name}.yaml", *(f"stacks/{name}/{place}" for place in package)],
        account=after.account,
        account_is_placeholder=len(set(after.account)) == 1,
        account_given=account is not None,
        region=after.region,
        left_out=copying.left_out,
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UserError(otherwise)


def _require_rule(setting: str, value: str | None, option: str) -> None:
    from stacks.rules import VALUES

    holds, wanted = VALUES[setting]
    _require(
        value is None or holds(value),
        f"{quoted(str(value))} will not do: give {option} {wanted.partition(', in quotes')[0]}.",
    )


def _require_free(name: str, root: Path) -> None:
    for path in (root / "stacks" / name, root / "stacks" / f"{name}.py"):
        _require(not path.exists(), f"stacks/{path.name} is there already: give another name, or remove it first.")
    # The engine looks into stacks/ first, so a stack would be found in the place of a module of the same name.
    module = importlib.util.find_spec(name)
    hidden = name in sys.stdlib_module_names or (module is not None and module.origin is not None)
    _require(not hidden, f"{name!r} is a Python module, which a stack of that name would hide: give another name.")
    _require(not keyword.iskeyword(name), f"{name!r} is a word of Python itself: give another name.")


def _package(folder: Path, copying: Copying) -> Mapping[str, bytes]:
    """The files of the new stack's package, by their paths in it."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".py":
            files[path.relative_to(folder).as_posix()] = copying.module(path.read_text()).encode()
        elif path.is_file() and path.parent.name != "__pycache__":
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    _require(
        copying.named,
        f"stacks/{copying.source} nowhere gives its settings stack={copying.source!r}: write it so, and try again.",
    )
    return files


def _publish(stacks: Path, name: str, package: Mapping[str, bytes], configuration: str) -> None:
    """Writes elsewhere first. The package is what makes the stack, so it comes last, whole and at once."""
    config = stacks / f"Pulumi.{name}.yaml"
    elsewhere = stacks.parent / ".plinth"
    elsewhere.mkdir(exist_ok=True)
    if elsewhere.stat().st_dev != stacks.stat().st_dev:
        elsewhere = stacks  # for nothing can be moved from one file system to another at once
    staging = Path(tempfile.mkdtemp(prefix=".new-stack-", dir=elsewhere))
    try:
        for place, content in package.items():
            (staging / name / place).parent.mkdir(parents=True, exist_ok=True)
            (staging / name / place).write_bytes(content)
        (staging / config.name).write_text(configuration)
        placed = _place(staging / config.name, config)
        try:
            (staging / name).rename(stacks / name)
        except OSError:
            if placed:
                config.unlink()
            raise
    except OSError as error:
        raise UserError(f"stacks/{name} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _place(written: Path, config: Path) -> bool:
    """Whether the file was put there; False where it was there, as an attempt left it that was killed right after."""
    try:
        os.link(written, config)
    except FileExistsError:
        same = config.read_bytes() == written.read_bytes()
        otherwise = f"stacks/{config.name} is there already, without a stack: give another name, or remove it first."
        _require(same, otherwise)
        return False
    return True
