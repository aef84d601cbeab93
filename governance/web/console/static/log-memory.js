// What this browser remembers of logs: the key that it trusts, and the last checkpoint that this key signed.
//
// The first key is taken on trust; every later one must be the same, or be told by the person. A checkpoint takes the
// place of an older one only when its log was seen to begin with the older one's. Nothing of it is sent anywhere.

import { readCheckpoint, readKey } from "./log-note.js";
import { encode } from "./log-bytes.js";

const KEY = "accordant.trusted-key";
const SEEN = "accordant.last-checkpoint.";

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

  // `{vkey, told, since}`; null before the first visit. Throws where what is kept can't be read.
  trusted() {
    return this.#read(KEY);
  }

  async trust(vkey, { told }) {
    const key = await readKey(vkey);
    this.#write(KEY, { vkey: key.vkey, told, since: new Date().toISOString() });
    return key;
  }

  // The checkpoint that was seen last of a log, with the time; null where none was.
  seen(origin) {
    const found = this.#read(SEEN + origin);
    return found && { ...readCheckpoint(encode(found.note)), at: found.at };
  }

  see(checkpoint) {
    this.#write(SEEN + checkpoint.origin, { note: checkpoint.note, at: new Date().toISOString() });
  }
}
