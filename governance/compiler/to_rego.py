"""From a document to Rego: one module for each dataset that it defines, in it one rule for each clause; and for
each dataset one module that puts its documents together.

A clause's rule says `matched`, or the first condition that failed (`rego_clause`). A condition that can't be worked out
leaves the clause without a value, and with it the document, which the engine's caller sees: a fault never looks like a
clause that does not apply (design, §2). Rules are names, constants and lists worked out once a decision, which both
engines are quickest at. Same document, same bytes, in the form of `opa fmt`.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.compiler.nouns import concerns, day_number, first_overdue, life, name, reckoned, tabled
from governance.compiler.rego_clause import clause_rule
from governance.compiler.rego_terms import CLASSES, Words, clause_names, listed, role_names, rows_meant
from governance.compiler.rego_values import metadata, package, path, string
from governance.model.clauses import Clause
from governance.model.mou import Dataset, Mou

_ALL = "array.flatten([\n{}])"
_TOGETHER = {
    "documents": _ALL, "binding": "true in [\n{}]", "known": "true in [\n{}]", "overdue": _ALL, "prohibited": _ALL,
    "touching": _ALL, "covering": _ALL, "consents": _ALL, "moments": _ALL, "rows": _ALL,
}  # fmt: skip

__all__ = ["dataset_path", "module_path", "to_rego", "together"]


def module_path(mou: Mou, dataset: str) -> str:
    """Where a document's module stands in a bundle: the folders are its package."""
    return f"accordant/datasets/{dataset}/{name(mou)}/clauses.rego"


def dataset_path(dataset: str) -> str:
    """Where a dataset's own module stands."""
    return f"accordant/datasets/{dataset}/documents.rego"


def to_rego(mou: Mou, dataset: str, mous: Sequence[Mou]) -> str:
    """The module of one dataset. `mous` are all documents given: a newer version replaces an older one."""
    clauses = [c for c in mou.clauses if concerns(c, dataset)]
    words = Words(mou, mou.datasets[dataset])
    rules = [clause_rule(mou, c, words) for c in clauses]
    prelude = _prelude(mou, dataset, mous, words)
    conditions = words.rules()
    if conditions:
        conditions[0] = f"# What the clauses ask.\n{conditions[0]}"
    body = "\n\n".join(
        [*_who(mou), *_fields(mou.datasets[dataset]), *prelude, *conditions, *rules, *_summary(mou, clauses, words)]
    )
    used = ("days", "document", "duties", "purposes", "request", "views")
    imports = [f"import data.accordant.{word}" for word in used if f"{word}." in _code(body)]
    head = metadata(
        {"title": mou.title, "description": f"The clauses of {mou.id}, version {mou.version}, on {dataset}."},
        custom={"mou": mou.id, "version": mou.version, "dataset": dataset},
    )
    declared = package("accordant", "datasets", dataset, name(mou))
    return "\n\n".join([f"{head}\n{declared}", "\n".join(imports), body]) + "\n"


def together(dataset: str, mous: Sequence[Mou]) -> str:
    """A dataset's own module: what its documents, in the order of citation, say together (`accordant.clauses`)."""
    modules = [path("data.accordant.datasets", dataset, name(mou)) for mou in mous]
    head = metadata({"title": dataset, "description": f"What the documents that define {dataset} say together."})
    rules = []
    for rule, whole in _TOGETHER.items():
        if len(modules) == 1:
            rules.append(f"{rule} := {modules[0]}.{rule}")
        else:
            listed_ = "".join(f"\t{module}.{rule},\n" for module in modules)
            rules.append(f"{rule} := {whole.format(listed_)}")
    return "\n\n".join([f"{head}\n{package('accordant', 'datasets', dataset)}", *rules]) + "\n"


def _code(body: str) -> str:
    """The lines that are not comments."""
    return "\n".join(line for line in body.splitlines() if not line.startswith("#"))


def _who(mou: Mou) -> list[str]:
    """The parties, by role, and what the requester is among them."""
    names = role_names(mou)
    held = {role: sorted(p.id for p in mou.parties if p.role == role) for role in names}
    chain = " else := ".join(f"{string(role)} if {{\n\trequest.party in {names[role]}\n}}" for role in names)
    return [
        f"# Who the parties are, by role.\nparties := {listed(sorted(p.id for p in mou.parties))}",
        *(f"{names[role]} := {listed(held[role])}" for role in names),
        f'# What the requester is, a party still or not.\nrole := {chain} else := ""',
    ]


def _fields(dataset: Dataset) -> list[str]:
    """The dataset's fields, and those of each class."""
    rules = [f"# What the dataset holds.\nfields := {listed(dataset.fields)}"]
    for class_, rule in CLASSES.items():
        rules.append(f"{rule} := {listed(f for f, d in dataset.fields.items() if d.class_ == class_)}")
    return [*rules, "knows_fields := object.subset(fields, request.fields)"]


def _prelude(mou: Mou, dataset: str, mous: Sequence[Mou], words: Words) -> list[str]:
    start, end, until, days = life(mou, mous)
    noun = path("data.accordant.documents", name(mou))
    ends_all = "true" if mou.withdrawal is not None and mou.withdrawal.ends == "all" else "false"
    contributors = words.parties(mou.datasets[dataset].contributors)
    lines = [
        "# Who is a party no more, and whether the document binds the requester now.",
        f"gone := document.gone({string(mou.id)})",
        "",
        f"binds := false if {{\n\trequest.at < {start}",
        f"}} else := false if {{\n\trequest.at >= {until}",
        '} else := false if {\n\trole == ""',
        "} else if {\n\tgone == []",
        f"}} else := document.stays(parties, gone, {ends_all})",
        "",
        "# Whose rows are asked for.",
        f"contributors := {contributors} if {{\n\tgone == []",
        f"}} else := document.present({contributors}, gone)",
        "",
        'asked := contributors if {\n\trequest.rows == "all"\n\trequest.from == null',
        "} else := document.asked(contributors)",
        "",
        "asks_some := asked != []\n",
        "asks_own := request.party in asked\n",
        "asks_only_own := asked == [request.party]\n",
        "asks_others := false if {\n\tasks_some == false\n} else := asks_only_own == false\n",
        "asks_only_others := false if {\n\tasks_others == false\n} else := asks_own == false\n",
        "# What for: the nodes of the document's tree that are meant, and what is above and below them.",
        f"nodes := [request.purpose] if {{\n\t{noun}.broader[request.purpose]",
        f"}} else := purposes.same({noun}.terms)\n",
        "one_node := count(nodes) == 1\n",
        f"up := graph.reachable({noun}.broader, nodes)\n",
        f"above := purposes.above({noun}.broader, nodes)\n",
        f"related := up | graph.reachable({noun}.narrower, nodes)\n",
        "# What a valid request needs: fields, purpose and parties that are known, and rows; and are some others'?",
        "knows := [knows_fields, nodes != [], document.knows_from(parties), asks_some, asks_others]\n",
        "# One of these documents knows it whole: most requests need no more than that.",
        'known if {\n\trole != ""\n\tknows_fields == true\n\tnodes != []',
        "\trequest.from == null\n\tasks_some == true\n} else := false",
    ]
    return ["\n".join(lines), *_moments(mou, start, end, days, words)]


def _moments(mou: Mou, start: int, end: int, days: Sequence[int], words: Words) -> list[str]:
    """When time alone may change the answer: the days named, and what an acknowledgement moves for whom it names."""
    head = "# When time alone may change the answer next: a day that the document names"
    chain = "".join(f"{day} if {{\n\trequest.at < {day}\n}} else := " for day in days) + "null"
    duties = [(c, c.duty) for c in mou.clauses if c.duty is not None and reckoned(c)]
    if not duties:
        return [f"{head}.\nmoments := [next_day]\n\nnext_day := {chain}"]
    rules, names = [f"{head}, or an acknowledgement.\nnext_day := {chain}"], []
    for number, (clause, duty) in enumerate(duties, 1):
        first = first_overdue(mou, duty)
        rule = f"reckoned_{number}"
        soon = f"[{first}] if {{\n\trequest.at < {first}\n}} else := []" if start < first < end else "[]"
        rules.append(f"first_{number} := {soon}")
        rules += _spans(mou, clause, number)
        more = f"duties.moments(spans_{clause_names(mou)[clause.id]}, {end})"
        rules.append(
            f"{rule} := [] if {{\n\t{words.to(duty.of)} == false\n}} else := first_{number} if {{\n"
            f"\trequest.acknowledged == []\n}} else := array.concat(first_{number}, {more})"
        )
        names.append(rule)
    none = "".join(f"\t{rule} == []\n" for rule in names)
    rules.append(f"moments := [next_day] if {{\n{none}}} else := array.flatten([next_day, {', '.join(names)}])")
    return rules


def _spans(mou: Mou, clause: Clause, number: int) -> list[str]:
    """From when until when an acknowledgement counts, for each day on which the requester gave one."""
    noun = path("data.accordant.documents", name(mou))
    own = path(f"{noun}.acknowledgements", clause.id)
    rule = f"spans_{clause_names(mou)[clause.id]}"
    first, last = day_number(mou.effective), day_number(mou.expires)
    given = f"given_{number} := duties.given({string(mou.id)}, {string(clause.id)}, {first}, {last})"
    if not tabled(mou):
        return [given, f"{rule} := days.spans(given_{number}, {own}.every, {own}.grace, {own}.offsets)"]
    return [
        given,
        f"{rule} := [] if {{\n\tgiven_{number} == []\n}} else := [span |\n\tsome day in given_{number}\n"
        f"\tindex := day - {first}\n\tspan := {own}.table[index]\n]",
    ]


def _summary(mou: Mou, clauses: Sequence[Clause], words: Words) -> list[str]:
    """Which clauses match, and that none was left out: one without a value leaves these without one."""
    rules = clause_names(mou)

    def cited(kind: str) -> str:
        chosen = [rules[c.id] for c in clauses if c.kind == kind]
        refs = [f"[{string(name(mou))}, {string(c.id)}]" for c in clauses if c.kind == kind]
        if not chosen:
            return "[]"
        none = f'[] if {{\n\t["matched" in [{", ".join(chosen)}]] == [false]\n}} else := '
        lists = [f"cited_{rule}" for rule in chosen]
        each = [
            f'{one} := [{ref}] if {{\n\t{rule} == "matched"\n}} else := [] if {{\n\t{rule} != "matched"\n}}'
            for one, rule, ref in zip(lists, chosen, refs, strict=True)
        ]
        found = f"array.flatten([{', '.join(lists)}])"
        return "\n\n".join([found if kind == "permit" else none + found, *each])

    consents = {c.id: rows_meant(words, c.consent.rows, c.consent.from_) for c in clauses if c.consent is not None}
    needs = [
        f"# Whose rows need a consent.\nrows_of_{rules[i]} := {meant}\n\n"
        f"needed_{rules[i]} := [[[{string(name(mou))}, {string(i)}], rows_of_{rules[i]}]] if {{"
        f'\n\t{rules[i]} == "matched"'
        f'\n}} else := [] if {{\n\t{rules[i]} != "matched"\n}}'
        for i, meant in consents.items()
    ]
    ref = string(name(mou))
    kinds = {kind: cited(kind) for kind in ("duty", "prohibit", "permit")}
    bound = {
        "overdue": kinds["duty"],
        "touching": kinds["prohibit"],
        "covering": kinds["permit"],
        "prohibited": f"[] if {{\n\ttouching == []\n}} else := document.unlifted({ref}, touching, covering)",
        "consents": f"array.flatten([{', '.join(f'needed_{rules[i]}' for i in consents)}])" if consents else "[]",
    }
    ids = listed(c.id for c in clauses)
    worked_out = "\n".join(f"\t{rule}" for rule in ("moments", *bound))
    return [
        *needs,
        "# What matches, where the document binds.",
        *(f"{rule} := [] if {{\n\tbinds == false\n}} else := {meaning}" for rule, meaning in bound.items()),
        "binding := binds",
        f"rows := [[{ref}, asked, asks_others]]",
        "# The clauses examined: all, or none where one of these lists could not be worked out.\n"
        f"default documents := [[{ref}, true, []]]",
        f"documents := [[{ref}, false, []]] if {{\n\tbinds == false\n\tmoments\n}} "
        f"else := [[{ref}, true, {ids}]] if {{\n"
        f"\tbinds == true\n{worked_out}\n}}",
    ]
