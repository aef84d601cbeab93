// The button of an entry's page: shows each step of its verification as it is done, and what came of it.
//
// It takes the number of the entry from the address, and of the page only what it then recomputes. A browser that was
// here before also looks, each time such a page is opened, whether the log is still the one that it saw.

import { find, made, refused, shownStep, verdict } from "./entry-parts.js";
import { beginTrust, showTrusted } from "./entry-trust.js";
import { Memory } from "./log-memory.js";
import { Served } from "./log-tree.js";
import { NEEDED, Verification } from "./verify-entry.js";
import { KnownLog } from "./verify-log.js";

const text = (id) => find(id)?.textContent ?? "";
const newLog = (memory) => new KnownLog({ served: new Served(`${location.origin}/log/`), memory });

// What a clause's words on the page say, held against the exact words beside them.
function wordsOnPage() {
  const plain = (said) => said.replace(/`/g, "").replace(/\s+/g, " ").trim();
  const found = new Map();
  for (const article of document.querySelectorAll("[data-clause]")) {
    const read = Array.from(article.querySelectorAll(".word"), (line) => line.textContent).join(" ");
    const exact = article.dataset.words;
    found.set(article.dataset.clause, { exact, shown: plain(read) === plain(exact) });
  }
  return found;
}

// What the page shows of the tree, as the person sees it: a hash whose shown beginning is another one counts as that.
function treeOnPage() {
  const seen = (element) => {
    const begin = element.textContent.replace(/…$/, "");
    return element.title.startsWith(begin) ? element.title : begin;
  };
  const note = text("shown-checkpoint");
  const parts = Array.from(document.querySelectorAll("[data-first]"), (half) => ({
    first: Number(half.dataset.first),
    last: Number(half.dataset.last),
    hash: seen(half.querySelector("code")),
  }));
  return note ? { note, parts, leaf: text("shown-leaf"), prev: text("shown-prev"), body: text("shown-body") } : null;
}

function openingOnPage() {
  const erasure = text("erasure-leaf") ? { leaf: text("erasure-leaf"), salt: text("erasure-salt"), body: text("erasure-body") } : null;
  return {
    leaf: text("opening-leaf"),
    salt: text("opening-salt"),
    body: text("opening-body"),
    erased: text("opening-erased"),
    erasure,
    statement: text("statement-text"),
    tree: treeOnPage(),
    cosigned: {
      notes: Array.from(document.querySelectorAll(".cosigned-note"), (note) => note.textContent),
      witnesses: Array.from(document.querySelectorAll("[data-witness]"), (key) => ({ name: key.dataset.witness, vkey: key.textContent })),
      claims: Array.from(document.querySelectorAll("[data-cosigner]"), (line) => line.dataset.cosigner),
    },
  };
}

async function run(memory) {
  const [button, steps, box] = [find("verify-button"), find("verify-steps"), find("verify-verdict")];
  steps.replaceChildren();
  box.className = "";
  box.replaceChildren();
  const number = /\/history\/(0|[1-9][0-9]{0,15})$/.exec(location.pathname);
  const verification = new Verification({
    log: newLog(memory),
    seq: Number(number?.[1] ?? NaN),
    opening: openingOnPage(),
    signers: { declaration: text("declaration-key"), statement: text("statement-key") },
    words: wordsOnPage(),
  });
  const results = [];
  try {
    for await (const step of verification.steps()) {
      results.push(step);
      steps.append(shownStep(step));
    }
    verdict(box, results, verification, NEEDED);
  } catch (error) {
    refused(box, "✕ Not verified", `The verification broke off: ${error.message}.`);
  } finally {
    button.textContent = "Verify again";
    showTrusted(memory);
  }
}

// A witness by habit: what was seen before is held against what is shown now, unasked, and only an alarm is told.
async function watch(memory) {
  const results = [];
  try {
    if (!memory.trusted()) return;
    for await (const step of newLog(memory).steps()) results.push(step);
  } catch {
    return; // what can't be read is told by the button, and below it
  }
  const wrong = results.filter((r) => r.state === "bad");
  if (!wrong.length) return showTrusted(memory);
  const steps = made("ol", "", "steps");
  steps.append(...wrong.map(shownStep));
  const [title, says] = wrong.every((r) => r.unclear)
    ? ["✕ Whether this is the log that this browser saw before is not clear", "Load the page again; where this stays, ask the administrator."]
    : ["✕ This is not the log that this browser saw before", "Do not rely on this page, and keep what stands here."];
  refused(find("watch-alarm"), title, says, [steps]);
}

async function hasEd25519() {
  const point = Uint8Array.of(0x58, ...Array(31).fill(0x66)); // the base point: a key that everybody may know
  try {
    await crypto.subtle.importKey("raw", point, { name: "Ed25519" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

async function begin() {
  const [button, box] = [find("verify-button"), find("verify-verdict")];
  if (!button) return;
  button.hidden = false;
  if (!globalThis.crypto?.subtle) {
    button.setAttribute("aria-disabled", "true");
    refused(
      box,
      "✕ Nothing can be verified here",
      "A browser computes hashes only for pages that come over https, or from this very machine. Ask for this console’s https address, or use the receipt and the command below.",
    );
    return;
  }
  const memory = Memory.ofBrowser();
  beginTrust(memory);
  let busy = watch(memory);
  let working = false;
  button.addEventListener("click", async () => {
    if (working) return;
    working = true;
    button.setAttribute("aria-disabled", "true");
    await busy;
    find("watch-alarm").replaceChildren();
    find("watch-alarm").className = "";
    busy = run(memory);
    await busy;
    working = false;
    button.removeAttribute("aria-disabled");
  });
  find("verify-unable").hidden = await hasEd25519();
}

begin();
