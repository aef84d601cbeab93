// The button of an entry's page: shows each step of its verification as it is done, and what came of it.
//
// It takes the number of the entry from the address, and of the page only what it then recomputes.

import { Memory } from "./log-memory.js";
import { Served } from "./log-tree.js";
import { NEEDED, Verification } from "./verify-entry.js";

const MARKS = { good: ["✓", "holds"], bad: ["✕", "does not hold"], open: ["–", "not checked"] };
const find = (id) => document.getElementById(id);

function made(tag, text = "", className = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function shownStep({ title, state, says, notes = [] }) {
  const [mark, word] = MARKS[state];
  const item = made("li", "", `step step-${state}`);
  const sign = made("span", mark, "mark");
  sign.setAttribute("aria-hidden", "true");
  const text = made("div");
  const name = made("b", title);
  name.append(made("span", ` ${word}: `, "sr"));
  text.append(name, made("p", says));
  for (const note of notes) {
    text.append(made("p", note.title, "soft"));
    const kept = made("pre", note.text);
    kept.tabIndex = 0;
    kept.setAttribute("role", "group");
    kept.setAttribute("aria-label", note.title);
    text.append(kept);
  }
  item.append(sign, text);
  return item;
}

// What a clause's words on the page say, held against the exact words beside them.
function wordsOnPage() {
  const plain = (text) => text.replace(/`/g, "").replace(/\s+/g, " ").trim();
  const found = new Map();
  for (const article of document.querySelectorAll("[data-clause]")) {
    const read = Array.from(article.querySelectorAll(".word"), (line) => line.textContent).join(" ");
    const exact = article.dataset.words;
    found.set(article.dataset.clause, { exact, shown: plain(read) === plain(exact) });
  }
  return found;
}

function facts(verification) {
  const { leaf, body, seq } = verification;
  const list = made("dl", "", "facts");
  const add = (name, value) => {
    if (value === undefined || value === null || value === "") return;
    const row = made("div");
    row.append(made("dt", name), made("dd", String(value)));
    list.append(row);
  };
  add("Entry", `${seq}, ${leaf.kind}`);
  add("Recorded", `${leaf.time.slice(0, 19).replace("T", " ")} UTC`);
  for (const [name, key] of [["Party", "party"], ["Person", "person"], ["Outcome", "outcome"], ["Reason", "reason"], ["Request", "request"]]) {
    if (["string", "number"].includes(typeof body[key])) add(name, body[key]);
  }
  const asked = body.request;
  if (asked && typeof asked === "object") {
    add("Asked for", [asked.dataset, asked.rows, asked.view, ...(Array.isArray(asked.fields) ? asked.fields : [])].filter(Boolean).join(", "));
  }
  add("Purpose", body.declaration?.purpose);
  add("Agreement", body.declaration?.mou ?? body.mou);
  if (Array.isArray(body.clauses)) add("Clauses", body.clauses.map((c) => `${c.mou}:${c.clause}, version ${c.version}`).join("; "));
  return list;
}

function verdict(results, verification) {
  const box = find("verify-verdict");
  const wrong = results.filter((r) => r.state === "bad");
  const left = results.filter((r) => r.state === "open");
  const missing = left.filter((r) => NEEDED.has(r.id));
  const proved = !wrong.length && !missing.length && [...NEEDED].every((id) => results.some((r) => r.id === id && r.state === "good"));
  box.className = proved ? "verdict verdict-good" : "verdict verdict-bad";
  const heading = made("h3", proved ? "✓ Verified in this browser" : "✕ Not verified");
  box.replaceChildren(heading);
  if (proved) {
    const rest = left.length ? ` What is left open: ${left.map((r) => r.title.toLowerCase()).join("; ")}.` : "";
    box.append(made("p", `The trusted key signed a log that holds this entry, with this content.${rest}`));
    box.append(made("p", "Read from the bytes that were verified:", "soft"), facts(verification));
  } else {
    const which = [...wrong, ...missing].map((r) => r.title.toLowerCase());
    const why = wrong.length ? "Do not rely on this page." : "That is no sign of a fault, and no proof either.";
    box.append(made("p", `${wrong.length ? "Does not hold" : "Could not be checked"}: ${which.join("; ") || "a step is missing"}. ${why}`));
  }
  return proved;
}

async function run(memory) {
  const [button, steps, box] = [find("verify-button"), find("verify-steps"), find("verify-verdict")];
  steps.replaceChildren();
  box.className = "";
  box.replaceChildren();
  const number = /\/history\/(0|[1-9][0-9]{0,15})$/.exec(location.pathname);
  const text = (id) => find(id)?.textContent ?? "";
  const verification = new Verification({
    served: new Served(`${location.origin}/log/`),
    memory,
    seq: Number(number?.[1] ?? NaN),
    opening: { leaf: text("opening-leaf"), salt: text("opening-salt"), body: text("opening-body"), erased: text("opening-erased") },
    signer: text("declaration-key"),
    words: wordsOnPage(),
  });
  const results = [];
  button.setAttribute("aria-disabled", "true");
  try {
    for await (const step of verification.steps()) {
      results.push(step);
      steps.append(shownStep(step));
    }
    verdict(results, verification);
  } catch (error) {
    box.className = "verdict verdict-bad";
    box.replaceChildren(made("h3", "✕ Not verified"), made("p", `The verification broke off: ${error.message}.`));
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = "Verify again";
    showTrusted(memory);
  }
}

function showTrusted(memory) {
  let known = null;
  try {
    known = memory.trusted();
  } catch {
    find("trusted-key").textContent = "what this browser kept can’t be read; give the key anew";
    return;
  }
  find("trusted-key").textContent = known?.vkey ?? "none yet: the first one that verifies is remembered";
}

function begin() {
  const [button, form, said] = [find("verify-button"), find("trust-form"), find("trust-said")];
  if (!button) return;
  button.hidden = false;
  if (!globalThis.crypto?.subtle) {
    button.setAttribute("aria-disabled", "true");
    const box = find("verify-verdict");
    box.className = "verdict verdict-bad";
    box.replaceChildren(
      made("h3", "✕ Nothing can be verified here"),
      made("p", "A browser computes hashes only for pages that come over https, or from this very machine. Ask for this console’s https address, or use the receipt and the command below."),
    );
    return;
  }
  const memory = Memory.ofBrowser();
  find("verify-trust").hidden = false;
  showTrusted(memory);
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") run(memory);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = find("trust-key");
    try {
      await memory.trust(field.value, { told: true });
      said.className = "good";
      said.textContent = memory.lasts ? "Trusted from now on. Verify again." : "Trusted until you leave this page: this browser keeps nothing. Verify again.";
      field.removeAttribute("aria-invalid");
      showTrusted(memory);
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      said.className = "wrong";
      said.textContent = `That is ${error.message}.`;
    }
  });
}

begin();
