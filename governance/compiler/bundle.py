"""The compiled policy: an OPA bundle (https://www.openpolicyagent.org/docs/management-bundles) of some documents.

Beside the hand-written library there is, for each dataset and each document that defines it, one module of clauses, and
one data file for each document; a decision looks only at those of its dataset, whatever else the bundle holds. The
revision is the digest of the documents, so an answer says which of them it was made on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pkgutil import get_data
from types import MappingProxyType
from typing import Any

from governance.compiler import nouns
from governance.compiler.to_rego import dataset_path, module_path, to_rego, together
from governance.errors import InputWrong
from governance.model.mou import Mou

__all__ = [
    "CATALOGUE",
    "MANIFEST",
    "Bundle",
    "bundle_from_json",
    "bundle_to_json",
    "canonical_document",
    "compile_bundle",
    "library",
    "revision",
]

MANIFEST = ".manifest"
_LIBRARY = (
    "clauses",
    "days",
    "document",
    "duties",
    "main",
    "moments",
    "protection",
    "purposes",
    "request",
    "validity",
    "views",
)
CATALOGUE = "accordant/catalogue/data.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by their path in the bundle, `.manifest` included.

    `datasets`: for each dataset, the files that a decision on it can need, besides the library. `expected`: for each
    dataset, the documents that define it (`benchmarking_v1`), each with the clauses that must have been examined where
    it binds. `known`: for each dataset, as much of the catalogue as its own documents know.
    """

    revision: str
    files: Mapping[str, bytes]
    datasets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expected: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def bundle_to_json(bundle: Bundle) -> dict[str, Any]:
    """A compiled bundle as JSON, for whoever keeps it and can vouch for it."""
    return {
        "revision": bundle.revision,
        "files": {name: data.decode() for name, data in bundle.files.items()},
        "datasets": {name: list(paths) for name, paths in bundle.datasets.items()},
        "expected": {d: {n: list(c) for n, c in found.items()} for d, found in bundle.expected.items()},
        "known": {name: dict(known) for name, known in bundle.known.items()},
    }


def bundle_from_json(kept: Mapping[str, Any]) -> Bundle:
    """What `bundle_to_json` gave."""
    return Bundle(
        revision=kept["revision"],
        files=MappingProxyType({name: text.encode() for name, text in kept["files"].items()}),
        datasets=MappingProxyType({name: tuple(paths) for name, paths in kept["datasets"].items()}),
        expected=MappingProxyType(
            {d: {n: tuple(c) for n, c in found.items()} for d, found in kept["expected"].items()}
        ),
        known=MappingProxyType(kept["known"]),
    )


def canonical_document(mou: Mou) -> bytes:
    """A document's keys as canonical JSON: what a revision is the digest of."""
    return _canonical(mou.model_dump(mode="json", by_alias=True, exclude_none=True))


def revision(mous: Sequence[Mou]) -> str:
    """SHA-256 over the documents' canonical JSON, sorted: whatever the order in which they are given."""
    digest = hashlib.sha256()
    for text in sorted(canonical_document(mou) for mou in mous):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


def compile_bundle(mous: Sequence[Mou]) -> Bundle:
    """All documents given, each taken as signed. Raises InputWrong when a version is given twice."""
    ordered = sorted(mous, key=lambda m: (m.effective, m.id, m.version))
    for ref, times in Counter(m.ref for m in ordered).items():
        if times > 1:
            raise InputWrong(f"`{ref}` is given twice", reason="duplicate-document")
    digest = revision(ordered)
    contents: dict[str, bytes] = dict(library())
    needs: dict[str, list[str]] = {}
    defining: dict[str, list[Mou]] = {}
    expected: dict[str, dict[str, tuple[str, ...]]] = {}
    for mou in ordered:
        noun = f"accordant/documents/{nouns.name(mou)}/data.json"
        contents[noun] = _canonical(nouns.document(mou))
        for dataset in mou.datasets:
            module = module_path(mou, dataset)
            contents[module] = to_rego(mou, dataset, ordered).encode()
            needs.setdefault(dataset, []).extend([module, noun])
            defining.setdefault(dataset, []).append(mou)
            examined = (c.id for c in mou.clauses if nouns.concerns(c, dataset))
            expected.setdefault(dataset, {})[nouns.name(mou)] = tuple(examined)
    for dataset, documents in defining.items():
        contents[dataset_path(dataset)] = together(dataset, documents).encode()
        needs[dataset].append(dataset_path(dataset))
    terms = _terms(ordered)
    contents[CATALOGUE] = _canonical(_catalogue(ordered, digest, terms))
    contents[MANIFEST] = _canonical({"revision": digest, "roots": ["accordant"], "rego_version": 1})
    return Bundle(
        revision=digest,
        files=MappingProxyType(dict(sorted(contents.items()))),
        datasets=MappingProxyType({d: (CATALOGUE, *paths) for d, paths in sorted(needs.items())}),
        expected=MappingProxyType(expected),
        known=MappingProxyType({d: _catalogue(known, digest, terms, dataset=d) for d, known in defining.items()}),
    )


@cache
def library() -> Mapping[str, bytes]:
    """The hand-written policies, without their tests, as they are shipped: constants, like the code beside them."""
    return MappingProxyType({name: _shipped(name) for name in (f"accordant/{p}/{p}.rego" for p in _LIBRARY)})


def _shipped(name: str) -> bytes:
    data = get_data("policies", name)
    if data is None:
        raise FileNotFoundError(name)  # a broken installation
    return data


def _catalogue(
    mous: Sequence[Mou], digest: str, terms: Mapping[str, frozenset[str]], *, dataset: str | None = None
) -> dict[str, Any]:
    """What is known of documents together: who and what a valid request may name; with `dataset`, for that alone."""
    clauses: dict[str, dict[str, bool]] = {}
    datasets: dict[str, list[str]] = {}
    for mou in mous:
        clauses.setdefault(mou.id, {}).update({c.id: True for c in mou.clauses})
        for defined in mou.datasets:
            if dataset in {None, defined}:
                datasets.setdefault(defined, []).append(nouns.name(mou))
    if dataset is not None:
        met = {p.dpv for mou in mous for p in mou.purposes.values()}
        terms = {name: found & met for name, found in terms.items() if found & met}
    return {
        "revision": digest,
        "parties": {p.id: True for m in mous for p in m.parties},
        "mous": clauses,
        "clauses": {c: True for known in clauses.values() for c in known},
        "terms": {name: sorted(found) for name, found in terms.items()},
        "datasets": datasets,
    }


def _terms(mous: Sequence[Mou]) -> dict[str, frozenset[str]]:
    """The `dpv` terms that a purpose's id has in any document."""
    terms: dict[str, set[str]] = {}
    for mou in mous:
        for name, purpose in mou.purposes.items():
            if purpose.dpv is not None:
                terms.setdefault(name, set()).add(purpose.dpv)
    return {name: frozenset(found) for name, found in terms.items()}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
