"""From a document to Rego: one module for each dataset that it defines, in it one rule for each clause.

A clause's rule is a list of conditions, each true or false: to, rows, from, fields, view, purpose, valid (of a duty:
of, overdue, blocking, valid). It matches when none is false. A condition that cannot be worked out leaves the clause
without a value, which the engine's caller sees: a fault never looks like a clause that does not apply (design, §2).
Same document, same bytes, in the form of `opa fmt`.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.compiler.nouns import concerns, first_overdue, life, name, reckoned
from governance.compiler.rego_clause import clause_rule
from governance.compiler.rego_terms import CLASSES, clause_names, listed, meant, meant_rows, parties_in, role_names
from governance.compiler.rego_values import metadata, package, path, string
from governance.model.clauses import Clause
from governance.model.mou import Dataset, Mou

__all__ = ["module_path", "to_rego"]


def module_path(mou: Mou, dataset: str) -> str:
    """Where the module stands in a bundle: the folders are its package."""
    return f"accordant/datasets/{dataset}/{name(mou)}/clauses.rego"


def to_rego(mou: Mou, dataset: str, mous: Sequence[Mou]) -> str:
    """The module of one dataset. `mous` are all documents given: a newer version replaces an older one."""
    clauses = [c for c in mou.clauses if concerns(c, dataset)]
    body = "\n\n".join(
        [
            *_who(mou),
            *_fields(mou.datasets[dataset]),
            *_prelude(mou, dataset, mous),
            *(clause_rule(mou, dataset, c) for c in clauses),
            *_summary(mou, clauses),
        ]
    )
    used = ("document", "duties", "purposes", "request", "sets", "views")
    imports = [f"import data.accordant.{word}" for word in used if f"{word}." in _code(body)]
    head = metadata(
        {"title": mou.title, "description": f"The clauses of {mou.id}, version {mou.version}, on {dataset}."},
        custom={"mou": mou.id, "version": mou.version, "dataset": dataset},
    )
    declared = package("accordant", "datasets", dataset, name(mou))
    return "\n\n".join([f"{head}\n{declared}", "\n".join(imports), body]) + "\n"


def _code(body: str) -> str:
    """The lines that are not comments."""
    return "\n".join(line for line in body.splitlines() if not line.startswith("#"))


def _who(mou: Mou) -> list[str]:
    """The parties, by role, and what the requester is among them."""
    names = role_names(mou)
    held = {role: sorted(p.id for p in mou.parties if p.role == role) for role in names}
    chain = " else := ".join(f"{string(role)} if {{\n\trequest.party in {names[role]}\n}}" for role in names)
    return [
        f"# Who the parties are, by role.\nparties := {listed(sorted(p.id for p in mou.parties), depth=0)}",
        *(f"{names[role]} := {listed(held[role], depth=0)}" for role in names),
        f'# What the requester is, a party still or not.\nrole := {chain} else := ""',
    ]


def _fields(dataset: Dataset) -> list[str]:
    """The dataset's fields, and those of each class."""
    rules = [f"# What the dataset holds.\nfields := {listed(dataset.fields, depth=0)}"]
    for class_, rule in CLASSES.items():
        named = [f for f, d in dataset.fields.items() if d.class_ == class_]
        rules.append(f"{rule} := {listed(named, '{}', depth=0) if named else 'set()'}")
    return rules


def _prelude(mou: Mou, dataset: str, mous: Sequence[Mou]) -> list[str]:
    start, end, until, moments = life(mou, mous)
    noun = path("data.accordant.documents", name(mou))
    ends_all = mou.withdrawal is not None and mou.withdrawal.ends == "all"
    ended = "count(document.among(parties, gone)) > 0" if ends_all else "false"
    return [
        f"id := {string(mou.id)}",
        "# Who is a party no more, and whether the document binds the requester now.\ngone := document.gone(id)",
        f"binds := document.binds({start}, {until}, {ended}, role, gone)",
        "# Whose rows are asked for.\n"
        f"contributors := document.present({parties_in(mou, mou.datasets[dataset].contributors)}, gone)",
        "asked := document.asked(contributors)",
        "asks_some := count(asked) > 0",
        "asks_own := request.party in asked",
        "asks_others := false if {\n\tasked in [[], [request.party]]\n} else := true",
        "asks_only_own := asked == [request.party]",
        "asks_only_others := [asks_others, asks_own] == [true, false]",
        f"# What for: the nodes of the document's tree that are meant, and what is above and below them.\n"
        f"broader := {noun}.broader",
        f"nodes := [request.purpose] if {{\n\tbroader[request.purpose]\n}} else := purposes.same({noun}.terms)",
        "up := graph.reachable(broader, nodes)",
        "above := [up] if {\n\tcount(nodes) == 1\n} else := purposes.above(broader, nodes)",
        f"related := up | graph.reachable({noun}.narrower, nodes)",
        "# What a valid request needs: fields, purpose and parties that are known, and rows; and are some others'?\n"
        "known := [\n\tsets.inside(request.fields, fields),\n\tnodes != [],\n\tdocument.knows_from(parties),"
        "\n\tasks_some,\n\tasks_others,\n]",
        *_moments(mou, start, end, moments),
    ]


def _moments(mou: Mou, start: int, end: int, moments: Sequence[int]) -> list[str]:
    """When time alone may change the answer: the days named, and what an acknowledgement moves for whom it names."""
    head = "# When time alone may change the answer.\n"
    fixed = "[" + ", ".join(str(m) for m in moments) + "]"
    duties = [(c, c.duty) for c in mou.clauses if c.duty is not None and reckoned(c)]
    if not duties:
        return [f"{head}moments := {fixed}"]
    rules = [f"{head}moments := array.concat({fixed}, reckoned)"]
    lists = []
    for number, (clause, duty) in enumerate(duties, 1):
        first = first_overdue(mou, duty)
        known = f"[{first}]" if start < first < end else "[]"
        more = f"duties.moments({string(name(mou))}, {string(clause.id)}, {start}, {end})"
        rules.append(
            f"reckoned_{number} := [] if {{\n\tnamed := {meant(duty.of)}\n\tnamed == false\n}} "
            f"else := array.concat({known}, {more})"
        )
        lists.append(f"reckoned_{number}")
    joined = lists[0]
    for one in lists[1:]:
        joined = f"array.concat({joined}, {one})"
    rules.insert(1, f"reckoned := {joined}")
    return rules


def _summary(mou: Mou, clauses: Sequence[Clause]) -> list[str]:
    """Which clauses match, and that none was left out: one without conditions leaves these without a value."""
    rules = clause_names(mou)

    def pairs(kind: str) -> str:
        chosen = [c.id for c in clauses if c.kind == kind]
        lines = "".join(f"\t[{string(i)}, {rules[i]}],\n" for i in chosen)
        return f"document.matching([\n{lines}])" if lines else "[]"

    conditions = "".join(f"\t\t{rules[c.id]},\n" for c in clauses)
    examined = (
        "examined := [] if {\n\tbinds == false\n} else := "
        f"{listed((c.id for c in clauses), depth=0)} if {{\n"
        f"\tcount([\n{conditions}\t]) == {len(clauses)}\n"
        "\tcount([overdue, touching, covering, prohibiting, consents]) == 5\n}"
        if clauses
        else "examined := []"
    )
    consenting = [
        (c.id, f"rows_of_{rules[c.id]}", meant_rows(mou, c.consent.rows, c.consent.from_))
        for c in clauses
        if c.consent is not None
    ]
    triples = "".join(f"\t[{string(i)}, {rules[i]}, {rows}],\n" for i, rows, _ in consenting)
    return [
        *(f"# Whose rows need a consent by {i}.\n{rows} := {meant}" for i, rows, meant in consenting),
        "# The clauses of each kind that match.\noverdue := " + pairs("duty"),
        "touching := " + pairs("prohibit"),
        "covering := " + pairs("permit"),
        f"prohibiting := document.unlifted({string(name(mou))}, touching, covering)",
        "consents := " + (f"document.consenting([\n{triples}])" if triples else "[]"),
        "# The clauses examined: all, or the list has no value.\n" + examined,
    ]
