// The proof of one entry, step by step. Every step recomputes; none passes on what is missing, and none on the server's
// word. `good` was seen to hold, `bad` not to, and `open` could not be looked at.

import { base64, decode, encode, equal, hex, sha256, unbase64, unhex } from "./log-bytes.js";
import { madeBy, readCheckpoint, readKey, readSigner, signedBy } from "./log-note.js";
import { Tree, begins, leafHash, readLeaf, rootFrom } from "./log-tree.js";

const good = (says, more = {}) => ({ state: "good", says, ...more });
const bad = (says, more = {}) => ({ state: "bad", says, ...more });
const open = (says, more = {}) => ({ state: "open", says, ...more });
const entries = (count) => `${count} ${count === 1 ? "entry" : "entries"}`;
const day = (instant) => instant.slice(0, 16).replace("T", " ") + " UTC";

// Without these nothing is proved; the others may be open, and are then told.
export const NEEDED = new Set(["key", "checkpoint", "leaf", "body", "inclusion", "chain"]);

const AGAIN = 3;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Verification {
  constructor({ served, memory, seq, opening, signer, words }) {
    Object.assign(this, { served, memory, seq, opening, signer, words });
  }

  // Yields `{id, title, state, says}`, one after another.
  async *steps() {
    yield* this.#step("key", "The key that the log is believed by", () => this.#key());
    yield* this.#step("checkpoint", "The checkpoint, and who signed it", () => this.#checkpoint());
    yield* this.#step("memory", "The same log as at your last visit", () => this.#sameLog());
    yield* this.#step("leaf", "The entry in the log is the one on this page", () => this.#leaf());
    yield* this.#step("body", "The content is the one that was recorded", () => this.#body());
    yield* this.#step("inclusion", "The entry is in the log that was signed", () => this.#inclusion());
    yield* this.#step("chain", "It follows the entry before it", () => this.#chain());
    if (this.body?.declaration) {
      yield* this.#step("declaration", "The declaration was signed by the connector", () => this.#declaration());
    }
    if (Array.isArray(this.body?.clauses) && this.body.clauses.length) {
      yield* this.#step("words", "The clauses’ words are those that decided", () => this.#clauses());
    }
  }

  async *#step(id, title, look) {
    let result;
    try {
      result = await look();
    } catch (error) {
      result = bad(`This could not be made out: ${error.message}.`);
    }
    yield { id, title, ...result };
  }

  async #key() {
    const trusted = this.memory.trusted();
    const told = decode(await this.served.file("vkey")).trim();
    if (trusted) {
      this.key = await readKey(trusted.vkey);
      if (told !== this.key.vkey) {
        return bad(
          `This browser trusts ${this.key.vkey}, since ${day(trusted.since)}. The server now shows another key, ${told}. ` +
            "Ask the administrator by another way before you trust it.",
        );
      }
      const whence = trusted.told ? "which you said you were told by another way" : "which was trusted on the first visit";
      return good(`${this.key.vkey}, ${whence}, ${day(trusted.since)}.`);
    }
    this.key = await readKey(told);
    this.first = true;
    return good(
      `${this.key.vkey}. This browser sees it for the first time and has it from this very server: hold it against what you ` +
        "were told by another way. From now on a different key is an alarm.",
    );
  }

  async #checkpoint() {
    if (!this.key) return open("Not looked at: there is no key to verify it with.");
    const seen = this.memory.seen(this.key.name);
    // Several servers of one log may be a moment apart.
    for (let times = 0; times < AGAIN; times += 1) {
      this.shown = readCheckpoint(await this.served.file("checkpoint"));
      if (this.shown.size > this.seq && (!seen || this.shown.size >= seen.size)) break;
      await pause(700);
    }
    if (this.shown.origin !== this.key.name) {
      return bad(`The checkpoint is of the log ${this.shown.origin}, and the key is for ${this.key.name}.`);
    }
    const said = `${entries(this.shown.size)}, root ${base64(this.shown.root)}`;
    const verified = await signedBy(this.shown, this.key);
    if (verified === "unknown") {
      return open(`${said}. This browser has no Ed25519, so the signature was NOT checked: anybody could have made this checkpoint.`);
    }
    if (verified !== "good") return bad(`${said}. The signature does not hold: ${verified}.`);
    this.signed = this.shown;
    const cosigners = this.shown.signatures.filter((s) => s.signature.length === 72).map((s) => s.name);
    const also = cosigners.length
      ? ` It names as witnesses ${cosigners.join(", ")}; whether they signed is for those to check who hold their keys.`
      : "";
    return good(`${said}. Signed by the trusted key.${also}`);
  }

  async #sameLog() {
    const { shown, signed, memory } = this;
    if (!shown) return open("Not looked at: there is no checkpoint.");
    const seen = memory.seen(shown.origin);
    if (!seen) {
      if (!signed) return open("Nothing is remembered yet, and nothing is kept: the checkpoint was not seen to be signed.");
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
    if (shown.size < seen.size) {
      return bad(`${both}: entries ${shown.size} to ${seen.size - 1} were taken away. Keep both checkpoints: together they prove it.`, { notes });
    }
    const known = { old: seen.size, oldRoot: seen.root, size: shown.size, root: shown.root };
    let why = "";
    let same = false;
    try {
      const proof = await new Tree(shown.size, this.served).consistency(seen.size);
      same = await begins({ ...known, proof });
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
    if (!signed) return open(`It begins with the ${entries(seen.size)} of ${day(seen.at)}; but the new checkpoint's signature was not seen to hold.`);
    await this.#keep();
    return good(`It begins with the very ${entries(seen.size)} that were seen here on ${day(seen.at)}.`);
  }

  async #keep() {
    if (this.first) await this.memory.trust(this.key.vkey, { told: false });
    this.memory.see(this.signed);
  }

  async #leaf() {
    if (!this.shown) return open("Not looked at: there is no checkpoint.");
    const leaf = await this.served.leaf(this.seq, this.shown.size);
    if (!equal(leaf, encode(this.opening.leaf))) {
      return bad(`What the log serves as entry ${this.seq} is not the leaf that this page shows.`);
    }
    const read = readLeaf(leaf);
    if (read.seq !== this.seq) return bad(`The log serves as entry ${this.seq} one that says that it is number ${read.seq}.`);
    this.leaf = { ...read, bytes: leaf, hash: await leafHash(leaf) };
    return good(`Entry ${this.seq}, of the kind “${read.kind}”, recorded on ${day(read.time)}; its hash is ${hex(this.leaf.hash)}.`);
  }

  async #body() {
    const { leaf, opening } = this;
    if (!leaf) return open("Not looked at: there is no leaf to hold it against.");
    if (opening.erased) {
      return open(`The page says that the content was erased under entry ${opening.erased}. Its leaf and place can be proved, its content no more.`);
    }
    if (!opening.body || !opening.salt) return bad("The page holds no content to be checked.");
    const digest = hex(await sha256(unhex(opening.salt), encode(opening.body)));
    if (digest !== leaf.body) {
      return bad(`What this page shows as the content of entry ${this.seq} hashes to ${digest}; what was recorded hashes to ${leaf.body}.`);
    }
    this.body = JSON.parse(opening.body);
    return good(`Salt and content hash to ${digest}, which the leaf says.`);
  }

  async #inclusion() {
    const { leaf, shown } = this;
    if (!leaf || !shown) return open("Not looked at: there is no leaf, or no checkpoint.");
    const tree = new Tree(shown.size, this.served);
    const proof = await tree.inclusion(this.seq);
    const root = await rootFrom({ hash: leaf.hash, index: this.seq, size: shown.size, proof });
    if (!equal(root, shown.root)) {
      return bad(`The tiles lead from the entry to the root ${base64(root)}, and the checkpoint says ${base64(shown.root)}.`);
    }
    this.included = true;
    return good(`${proof.length} hashes, read from the tiles, lead from the entry to the root of the checkpoint: it is number ${this.seq} of ${shown.size}.`);
  }

  async #chain() {
    const { leaf, shown, seq } = this;
    if (!leaf || !shown) return open("Not looked at: there is no leaf.");
    if (!seq) return leaf.prev === "0".repeat(64) ? good("It is the first.") : bad("It is the first, and names one before it.");
    const before = hex(await leafHash(await this.served.leaf(seq - 1, shown.size)));
    if (before !== leaf.prev) return bad(`It names ${leaf.prev} as the entry before it, and that one hashes to ${before}.`);
    return good(`It names the hash of entry ${seq - 1}, which was recomputed.`);
  }

  async #declaration() {
    const said = this.body.declaration;
    if (!this.signer) return open(`The server shows no key of the fingerprint ${said.keyid}.`);
    const signer = await readSigner(this.signer);
    if (signer.fingerprint !== said.keyid) return bad(`The key on this page is ${signer.fingerprint}, and the declaration names ${said.keyid}.`);
    const base = unbase64(said.base);
    const verified = await madeBy(signer, said.alg, unbase64(said.signature), base);
    if (verified === "unknown") return open("This browser does not know this kind of signature, so it was NOT checked.");
    if (verified !== "good") return bad(`The recorded signature does not hold: ${verified}.`);
    const lines = new Map(decode(base).split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]));
    const purpose = /^"?([^";\s]+)"? *; *mou="([^"]+)"$/.exec(lines.get('"data-purpose"') ?? "");
    const parameters = lines.get('"@signature-params"') ?? "";
    const digest = base64(await sha256(unbase64(said.body)));
    const same =
      purpose?.[1] === said.purpose &&
      purpose?.[2] === said.mou &&
      parameters.includes(`;nonce="${said.nonce}"`) &&
      parameters.includes(`;keyid="${said.keyid}"`) &&
      (lines.get('"content-digest"') ?? "").includes(`sha-256=:${digest}:`);
    if (!same) return bad("The entry says other than what was signed.");
    return good(`The holder of ${said.keyid} signed the purpose “${said.purpose}” under “${said.mou}”, and the request to the byte. Whose key that is you must ask.`);
  }

  async #clauses() {
    const due = this.body.clauses.map((c) => `${c.mou}:${c.clause}`);
    for (const cited of this.body.clauses) {
      const name = `${cited.mou}:${cited.clause}`;
      const words = this.words.get(name);
      if (!words) return open(`The page shows no words of ${name}.`);
      if (hex(await sha256(encode(words.exact))) !== cited.text_sha256) return bad(`The words of ${name} are not those whose hash the entry recorded.`);
      if (!words.shown) return bad(`What the page shows of ${name} is not what was hashed.`);
    }
    return good(`${due.join(", ")}: the words above hash to what the entry recorded.`);
  }
}
