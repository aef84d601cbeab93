// How an entry's page shows what came of its verification. Everything that was read is text, never markup.

const MARKS = { good: ["✓", "holds"], bad: ["✕", "does not hold"], open: ["–", "not checked"], erased: ["∅", "erased"] };

export const find = (id) => document.getElementById(id);

export function made(tag, text = "", className = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function marked(state, className) {
  const sign = made("span", MARKS[state][0], className);
  sign.setAttribute("aria-hidden", "true");
  return sign;
}

function shownNote({ title, text }) {
  const kept = made("pre", text);
  kept.tabIndex = 0;
  kept.setAttribute("role", "group");
  kept.setAttribute("aria-label", title);
  return [made("p", title, "soft"), kept];
}

function linked({ href, text }) {
  const link = made("a", text);
  link.href = href;
  return link;
}

export function shownStep({ title, state, says, notes = [], items = [], link }) {
  const item = made("li", "", `step step-${state}`);
  const text = made("div");
  const name = made("b", title);
  name.append(made("span", ` ${MARKS[state][1]}: `, "sr"));
  text.append(name, made("p", says));
  if (link) text.lastChild.append(" ", linked(link));
  if (items.length) {
    const list = made("ul", "", "step-items");
    for (const one of items) {
      const line = made("li", "", `item-${one.state}`);
      line.append(marked(one.state, "mark"), made("span", `${MARKS[one.state][1]}: `, "sr"), made("span", one.says));
      list.append(line);
    }
    text.append(list);
  }
  for (const note of notes) text.append(...shownNote(note));
  item.append(marked(state, "mark"), text);
  return item;
}

function facts({ leaf, body, seq }, names) {
  const list = made("dl", "", "facts");
  const add = (name, value) => {
    if (value === undefined || value === null || value === "") return;
    const row = made("div");
    row.append(made("dt", name), made("dd", String(value)));
    list.append(row);
  };
  add("Entry", `${seq}, ${leaf.kind}`);
  add("Recorded", `${leaf.time.slice(0, 19).replace("T", " ")} UTC`);
  const plain = [["Party", "party"], ["Person", "person"], ["Outcome", "outcome"], ["Reason", "reason"], ["Basis", "basis"], ["Rows", "rows"]];
  for (const [name, key] of [...plain, ["Request", "request"], ["Contributor", "contributor"]]) {
    if (["string", "number"].includes(typeof body?.[key])) add(name, body[key]);
  }
  const asked = body?.request;
  if (asked && typeof asked === "object") {
    add("Asked for", [asked.dataset, asked.rows, asked.view, ...(Array.isArray(asked.fields) ? asked.fields : [])].filter(Boolean).join(", "));
  }
  add("Purpose", body?.declaration?.purpose ?? (typeof body?.purpose === "string" ? body.purpose : null));
  const mou = body?.declaration?.mou ?? body?.mou;
  if (typeof mou === "string") add("Agreement", mou);
  if (Array.isArray(body?.clauses)) add("Clauses", body.clauses.map((c) => `${c.mou}:${c.clause}, version ${c.version}`).join("; "));
  add("Cosigned by", names);
  return list;
}

const titles = (results) => results.map((r) => r.title.toLowerCase()).join("; ");

// The verdict of all steps; `verification` holds what was read from the verified bytes.
export function verdict(box, results, verification, needed) {
  const wrong = results.filter((r) => r.state === "bad");
  const left = results.filter((r) => r.state === "open");
  const due = (id) => needed.has(id) || id === "handed-on";
  const missing = left.filter((r) => due(r.id));
  const passed = (id) => results.some((r) => r.id === id && (r.state === "good" || (id === "body" && r.state === "erased")));
  const proved = !wrong.length && !missing.length && [...needed].every(passed);
  const erased = results.find((r) => r.state === "erased");
  const rest = left.length ? ` What is left open: ${titles(left)}.` : "";
  const names = results.find((r) => r.id === "cosigners")?.names;
  if (!proved) {
    const why = wrong.length ? "Do not rely on this page." : "That is no sign of a fault, and no proof either.";
    const which = titles([...wrong, ...missing]) || "a step is missing";
    box.className = "verdict verdict-bad";
    box.replaceChildren(made("h3", "✕ Not verified"), made("p", `${wrong.length ? "Does not hold" : "Could not be checked"}: ${which}. ${why}`));
  } else if (erased) {
    const said = made("p", "The trusted key signed a log in which this entry stands, with its time and kind, and the erasure behind it. Of its content nothing is proved, and nothing can be. ");
    said.append(linked(erased.link), `.${rest}`);
    box.className = "verdict verdict-erased";
    box.replaceChildren(made("h3", `∅ Erased under entry ${verification.erasedUnder}`), said, facts(verification, names));
  } else {
    box.className = "verdict verdict-good";
    box.replaceChildren(
      made("h3", "✓ Verified in this browser"),
      made("p", `The trusted key signed a log that holds this entry, with this content.${rest}`),
      made("p", "Read from the bytes that were verified:", "soft"),
      facts(verification, names),
    );
  }
}

export function refused(box, title, says, results = []) {
  box.className = "verdict verdict-bad";
  box.replaceChildren(made("h3", title), made("p", says), ...results);
}
