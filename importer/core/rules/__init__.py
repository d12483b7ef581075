"""Filename rules: a name in, one invoice reference and one kind out, or a refusal with the full account."""

from importer.core.rules.compiling import compile_rules
from importer.core.rules.engine import Rules
from importer.core.rules.examples import ExampleResult, run_examples
from importer.core.rules.lint import RuleWarning, lint
from importer.core.rules.nearness import with_near_misses
from importer.core.rules.outcome import Ambiguous, Inference, Match, NoMatch, RuleAccount, RuleResult, Source
from importer.core.rules.spec import (
    REFUSE,
    CompilePattern,
    Pattern,
    PatternError,
    RuleFault,
    RulesError,
    RuleSpec,
    RulesSpec,
    did_you_mean,
)
from importer.core.rules.text import FileName, readable

__all__ = [
    "REFUSE",
    "Ambiguous",
    "CompilePattern",
    "ExampleResult",
    "FileName",
    "Inference",
    "Match",
    "NoMatch",
    "Pattern",
    "PatternError",
    "RuleAccount",
    "RuleFault",
    "RuleResult",
    "RuleSpec",
    "RuleWarning",
    "Rules",
    "RulesError",
    "RulesSpec",
    "Source",
    "compile_rules",
    "did_you_mean",
    "lint",
    "readable",
    "run_examples",
    "with_near_misses",
]
