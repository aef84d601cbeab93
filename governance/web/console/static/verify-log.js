// The log behind a page: the key that it is believed by, the checkpoint that this key signed, and whether it is still the
// log that this browser saw before. The server's word counts for nothing here; what the person told and what was seen does.

import { base64, decode, equal } from "./log-bytes.js";
import { CONTINUED, Chain, followed } from "./log-keys.js";
import { Unsupported, readCheckpoint, readKey, signedBy } from "./log-note.js";
import { Tree, begins } from "./log-tree.js";

export const good = (says, more = {}) => ({ state: "good", says, ...more });
export const bad = (says, more = {}) => ({ state: "bad", says, ...more });
export const open = (says, more = {}) => ({ state: "open", says, ...more });
export const entries = (count) => `${count} ${count === 1 ? "entry" : "entries"}`;
export const day = (instant) => instant.slice(0, 16).replace("T", " ") + " UTC";

const AGAIN = 3;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// One step: `look` gives a result, null where there is nothing to look at. What it throws does not pass.
export async function* step(id, title, look) {
  let result;
  try {
    result = await look();
  } catch (error) {
    const unknown = error instanceof Unsupported;
    result = unknown ? open("This browser has no Ed25519, so this was NOT checked.") : bad(`This could not be made out: ${error.message}.`, { unclear: true });
  }
  if (result) yield { id, title, ...result };
}

// Whether one checkpoint's log begins with another's, whichever is the larger one.
export async function oneHistory(one, other, served) {
  const [old, now] = one.size <= other.size ? [one, other] : [other, one];
  const proof = await new Tree(now.size, served).consistency(old.size);
  return begins({ old: old.size, oldRoot: old.root, size: now.size, root: now.root, proof });
}

export class KnownLog {
  constructor({ served, memory }) {
    Object.assign(this, { served, memory, chain: new Chain(), handed: [] });
  }

  // `beyond`: the number of an entry that the checkpoint is to cover, where the log has it already.
  async *steps({ beyond = 0 } = {}) {
    for await (const made of this.#made(beyond)) {
      if (made.state === "bad") this.wrong = true;
      yield made;
    }
  }

  async *#made(beyond) {
    yield* step("key", "The key that the log is believed by", () => this.#key());
    yield* step("checkpoint", "The checkpoint, and who signed it", () => this.#checkpoint(beyond));
    if (this.handed.length) yield* step("handed-on", "The key was handed on in the log itself", () => this.#handedOn());
    yield* step("memory", "The same log as at your last visit", () => this.#sameLog());
  }

  // The keys of the log that signed it at some time, the newest first.
  get keys() {
    return this.key ? this.chain.keys(this.key) : [];
  }

  async #key() {
    const trusted = this.memory.trusted();
    this.known = trusted && (await readKey(trusted.vkey));
    this.key = this.known;
    const told = await readKey(decode(await this.served.file("vkey")));
    this.chain = await Chain.of((await this.served.file("vkeys", { absent: true })) ?? new Uint8Array());
    if (!trusted) return this.#firstKey(told);
    const links = this.chain.from(this.known);
    const since = day(trusted.since);
    if (told.vkey !== this.known.vkey) {
      if (!links.length || this.chain.newest.vkey !== told.vkey) {
        return bad(
          `This browser trusts ${this.known.vkey}, since ${since}. The server now shows another key, ${told.vkey}, and no entry ` +
            "of the log in which the trusted key hands on to it. Ask the administrator by another way before you trust it.",
        );
      }
      [this.key, this.handed] = [told, links];
      return good(
        `This browser trusts ${this.known.vkey}, since ${since}. That key signed its successor${links.length > 1 ? "s" : ""}, in ` +
          `${links.map((link) => `entry ${link.seq}`).join(", ")}; the newest is ${told.vkey}. Whether these entries are the log’s is looked at below.`,
      );
    }
    if (links.length) return bad(`The server shows the key ${told.vkey}, which entry ${links[0].seq} of its own log has retired.`);
    const whence = trusted.told ? "which you said you were told by another way" : "which was trusted on the first visit";
    const from = trusted.from ? ` It took the place of ${trusted.from}, which signed it in the log.` : "";
    return good(`${told.vkey}, ${trusted.from ? "trusted since it was handed on" : whence}, ${since}.${from}`);
  }

  #firstKey(told) {
    this.key = told;
    this.first = true;
    if (this.chain.newest && this.chain.newest.vkey !== told.vkey) {
      return bad(`The server shows the key ${told.vkey}, and its own log names ${this.chain.newest.vkey} as the newest.`);
    }
    return good(
      `${told.vkey}. This browser sees it for the first time and has it from this very server: hold it against what you ` +
        "were told by another way. From now on a different key is an alarm, unless this one signed it in the log.",
    );
  }

  async #checkpoint(beyond) {
    if (!this.key) return open("Not looked at: there is no key to verify it with.");
    this.seen = this.memory.seen(this.key.name) ?? (this.known && this.memory.seen(this.known.name));
    // Several servers of one log may be a moment apart.
    for (let times = 0; times < AGAIN; times += 1) {
      if (times) await pause(700);
      this.shown = readCheckpoint(await this.served.file("checkpoint"));
      if (this.shown.size > beyond && (!this.seen || this.shown.size >= this.seen.size)) break;
    }
    this.tree = new Tree(this.shown.size, this.served);
    if (this.shown.origin !== this.key.name) {
      return bad(`The checkpoint is of the log ${this.shown.origin}, and the key is for ${this.key.name}.`);
    }
    const said = `${entries(this.shown.size)}, root ${base64(this.shown.root)}`;
    const verified = await signedBy(this.shown, this.key);
    if (verified === "unknown") {
      return open(`${said}. This browser has no Ed25519, so the signature was NOT checked: anybody could have made this checkpoint.`);
    }
    if (verified !== "good") {
      const { retired } = this.chain.signer(this.shown, this.key);
      const late = retired ? ` The key that did sign was retired in entry ${retired.seq}.` : "";
      return bad(`${said}. The signature does not hold: ${verified}.${late}`);
    }
    this.signed = this.shown;
    return good(`${said}. Signed by the ${this.handed.length ? "key that was handed on to" : "trusted key"}.`);
  }

  async #handedOn() {
    if (!this.signed) return open("Not looked at: no checkpoint was seen to be signed.");
    await followed(this.handed, { shown: this.shown, served: this.served, tree: this.tree });
    this.handedOn = true;
    const steps = this.handed.map((link) => {
      const how = link.kind === CONTINUED ? `the log goes on as ${link.after.name} after a restore` : "its successor";
      return `entry ${link.seq}: ${link.before.short} signed ${how}, ${link.after.short}`;
    });
    return good(`${steps.join("; ")}. Each stands in the log that was signed, over the very entries that the old key had signed for.`);
  }

  async #sameLog() {
    const { shown, signed, memory, seen } = this;
    if (!shown) return open("Not looked at: there is no checkpoint.");
    if (!seen) {
      if (!signed || this.wrong) return open("Nothing is remembered yet, and nothing is kept: the checkpoint was not seen to be signed.");
      if (!memory.lasts) return open("This browser keeps nothing between visits, so a changed history would not show here.");
      await this.#keep();
      return open("This is the first look at this log; its checkpoint is remembered now, and the next visit is held against it.");
    }
    const both =
      `On ${day(seen.at)} a log of ${entries(seen.size)} with the root ${base64(seen.root)} was seen here; ` +
      `now one of ${entries(shown.size)} with the root ${base64(shown.root)} is shown`;
    const notes = [
      { title: "The checkpoint that was seen", text: seen.note },
      { title: "The checkpoint that is shown", text: shown.note },
    ];
    const { retired } = this.chain.signer(seen, this.known ?? this.key);
    if (retired && seen.size > retired.until) {
      const why = retired.kind === CONTINUED ? "entries were lost that it does not name" : "its key had been retired before";
      return bad(`${both}. The one that was seen counts more entries than entry ${retired.seq} leaves to its key: ${why}. Keep both checkpoints.`, { notes });
    }
    if (retired?.kind === CONTINUED && seen.size > retired.seq) {
      if (signed && !this.wrong) await this.#keep();
      return open(`${both}. Entry ${retired.seq} says itself that what followed was lost when the log was restored; nothing is left to compare.`, { notes });
    }
    if (shown.size < seen.size) {
      return bad(`${both}: entries ${shown.size} to ${seen.size - 1} were taken away. Keep both checkpoints: together they prove it.`, { notes });
    }
    let why = "";
    let same = false;
    try {
      same = await oneHistory(seen, shown, this.served);
    } catch (error) {
      why = ` (${error.message})`;
    }
    if (!same) {
      return bad(
        `${both}, which does not begin with it: the log forked, or the server proves nothing${why}. ` +
          "Keep both checkpoints: where both signatures hold, two histories were signed.",
        { notes },
      );
    }
    if (!signed || this.wrong) {
      return open(`It begins with the ${entries(seen.size)} of ${day(seen.at)}; but the new checkpoint is not believed, and not remembered.`);
    }
    await this.#keep();
    return good(`It begins with the very ${entries(seen.size)} that were seen here on ${day(seen.at)}.`);
  }

  async #keep() {
    if (this.handed.length && !this.handedOn) return;
    if (this.first) await this.memory.trust(this.key.vkey, { told: false });
    if (this.handed.length) await this.memory.trust(this.key.vkey, { told: this.memory.trusted().told, from: this.known.vkey });
    this.memory.see(this.signed);
  }
}
