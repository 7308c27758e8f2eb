"""A policy file on disk. The server reads it through the same function as ``pteri policy check``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.domain.rules import Rules, RulesError, rules_from
from pteri.policies.text import PolicyError, policy_text, rules_from_tree
from pteri.settings import Settings, SettingsError

__all__ = ["PolicyRefused", "load_policy", "rules_of", "write_policy"]

_MAX_FILE_BYTES: Final = 1 << 16


class PolicyRefused(SettingsError):
    """A file that is no policy. ``problems``: everything that is wrong with it, each with its place."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path, self.problems = path, problems


def load_policy(path: Path) -> Rules:
    """The rules in this file; ``PolicyRefused`` for one that means none, ``SettingsError`` where it cannot be read."""
    try:
        text = durable.read_regular(path, _MAX_FILE_BYTES).decode()
        tree = tomllib.loads(text)
    except FileNotFoundError as error:
        raise SettingsError(f"There is no policy {path}. Make one with: pteri policy new FILE") from error
    except OSError as error:
        raise SettingsError(f"Cannot read the policy {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PolicyRefused(path, ("is not UTF-8, and TOML is",)) from error
    except (ValueError, RecursionError) as error:
        raise PolicyRefused(path, (f"is not TOML: {error}",)) from error
    try:
        return rules_from_tree(tree)
    except PolicyError as error:
        raise PolicyRefused(path, error.problems) from error


def rules_of(settings: Settings) -> Rules:
    """The rules by which a service with these settings decides."""
    if settings.server.policy is not None:
        return load_policy(settings.server.policy)
    try:
        return rules_from(settings.rules)
    except RulesError as error:
        raise SettingsError(str(error)) from error


def write_policy(path: Path, rules: Rules) -> None:
    """A new file with all rules and a comment on each; it overwrites none."""
    try:
        durable.create(path, policy_text(rules).encode())
    except FileExistsError as error:
        raise SettingsError(f"There is a file {path} already. Move it away first.") from error
    except OSError as error:
        raise SettingsError(f"Cannot write the policy {path}: {error.strerror}.") from error
