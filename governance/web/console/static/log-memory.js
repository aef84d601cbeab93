// What this browser remembers of logs: the key that it trusts, the last checkpoint that this key signed, and the keys of
// witnesses that the person was told.
//
// The first key is taken on trust; every later one must be the same, be handed on by it in the log itself, or be told by
// the person. A checkpoint takes the place of an older one only when its log was seen to begin with the older one's.
// Nothing of it is sent anywhere. All of it is the browser's of one address: another console's is apart.

import { readCheckpoint, readKey } from "./log-note.js";
import { encode } from "./log-bytes.js";
import { readWitness } from "./log-witness.js";

const KEY = "accordant.trusted-key";
const SEEN = "accordant.last-checkpoint.";
const WITNESSES = "accordant.witnesses";

export class Memory {
  constructor(store) {
    this.store = store;
    this.here = new Map(); // as long as the page, where the browser keeps nothing
  }

  static ofBrowser() {
    try {
      const store = window.localStorage;
      store.setItem("accordant.try", "1");
      store.removeItem("accordant.try");
      return new Memory(store);
    } catch {
      return new Memory(null);
    }
  }

  get lasts() {
    return this.store !== null;
  }

  #read(name) {
    const found = this.lasts ? this.store.getItem(name) : this.here.get(name);
    return found ? JSON.parse(found) : null;
  }

  #write(name, value) {
    if (this.lasts) this.store.setItem(name, JSON.stringify(value));
    else this.here.set(name, JSON.stringify(value));
  }

  // `{vkey, told, since, from}`, `from` being the key that handed on to it; null before the first visit. Throws where
  // what is kept can't be read.
  trusted() {
    return this.#read(KEY);
  }

  async trust(vkey, { told, from = null }) {
    const key = await readKey(vkey);
    this.#write(KEY, { vkey: key.vkey, told, from, since: new Date().toISOString() });
    return key;
  }

  // The checkpoint that was seen last of a log, with the time; null where none was.
  seen(origin) {
    const found = this.#read(SEEN + origin);
    return found && { ...readCheckpoint(encode(found.note)), at: found.at };
  }

  // Another window may have seen a larger one meanwhile: that one stays.
  see(checkpoint) {
    const kept = this.seen(checkpoint.origin);
    if (kept && kept.size > checkpoint.size) return;
    this.#write(SEEN + checkpoint.origin, { note: checkpoint.note, at: new Date().toISOString() });
  }

  // The keys of witnesses that the person gave, as lines. Throws where what is kept can't be read.
  witnesses() {
    return this.#read(WITNESSES) ?? [];
  }

  async believe(vkey) {
    const key = await readWitness(vkey);
    this.#write(WITNESSES, [...this.witnesses().filter((one) => one !== key.vkey), key.vkey]);
  }

  disbelieve(vkey) {
    this.#write(WITNESSES, this.witnesses().filter((one) => one !== vkey));
  }

  // All of it, also what can't be read.
  forget() {
    this.here.clear();
    if (!this.lasts) return;
    for (const name of Object.keys(this.store)) {
      if (name === KEY || name === WITNESSES || name.startsWith(SEEN)) this.store.removeItem(name);
    }
  }
}
