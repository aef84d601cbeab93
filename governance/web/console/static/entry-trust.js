// What this browser goes by, shown and changed by the person: the log's key, the witnesses' keys, the checkpoint it saw.

import { find, made } from "./entry-parts.js";
import { base64 } from "./log-bytes.js";
import { readWitnesses } from "./log-witness.js";

const UNREADABLE = "what this browser kept can’t be read; forget it below, and give the key anew";

function shown(id, look) {
  try {
    find(id).textContent = look();
  } catch {
    find(id).textContent = UNREADABLE;
  }
}

export function showTrusted(memory) {
  shown("trusted-key", () => memory.trusted()?.vkey ?? "none yet: the first one that verifies is remembered");
  shown("trusted-seen", () => {
    const key = memory.trusted();
    const seen = key && memory.seen(key.vkey.split("+")[0]);
    if (!seen) return "none yet";
    return `${seen.size} entries, root ${base64(seen.root)}, on ${seen.at.slice(0, 16).replace("T", " ")} UTC`;
  });
  const list = find("witness-keys");
  list.replaceChildren();
  let known = [];
  try {
    known = memory.witnesses();
  } catch {
    list.append(made("li", UNREADABLE));
  }
  for (const vkey of known) {
    const item = made("li");
    const button = made("button", "Remove", "quiet");
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${vkey.split("+")[0]}`);
    button.addEventListener("click", () => {
      memory.disbelieve(vkey);
      showTrusted(memory);
      find("witness-keys-title").focus();
    });
    item.append(made("code", vkey), button);
    list.append(item);
  }
  find("witness-keys-none").hidden = list.childElementCount > 0;
}

function onSubmit(form, field, said, memory, take) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const done = await take(field.value);
      said.className = "good";
      said.textContent = memory.lasts ? done : `${done} Until you leave this page: this browser keeps nothing.`;
      field.removeAttribute("aria-invalid");
      showTrusted(memory);
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      said.className = "wrong";
      said.textContent = `That is ${error.message}.`;
    }
  });
}

export function beginTrust(memory) {
  find("verify-trust").hidden = false;
  showTrusted(memory);
  onSubmit(find("trust-form"), find("trust-key"), find("trust-said"), memory, async (text) => {
    await memory.trust(text, { told: true });
    return "Trusted from now on. Verify again.";
  });
  onSubmit(find("witness-form"), find("witness-key"), find("witness-said"), memory, async (text) => {
    const keys = await readWitnesses(text);
    for (const key of keys) await memory.believe(key.vkey);
    find("witness-key").value = "";
    return `${keys.map((key) => key.name).join(", ")}: believed from now on. Verify again.`;
  });
  const [button, sure] = [find("forget-button"), find("forget-sure")];
  button.addEventListener("click", () => {
    sure.hidden = false;
    find("forget-yes").focus();
  });
  find("forget-no").addEventListener("click", () => {
    sure.hidden = true;
    button.focus();
  });
  find("forget-yes").addEventListener("click", () => {
    memory.forget();
    sure.hidden = true;
    showTrusted(memory);
    find("forget-said").textContent = "Forgotten. The next verification is a first look.";
    button.focus();
  });
}
