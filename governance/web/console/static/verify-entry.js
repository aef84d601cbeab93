// The proof of one entry, step by step. Every step recomputes; none passes on what is missing, and none on the server's
// word. `good` was seen to hold, `bad` not to, `open` could not be looked at, and `erased` is what the log's own erasure
// took: neither good nor a fault.

import { base64, decode, encode, equal, hex, parsed, sha256, unbase64, unhex } from "./log-bytes.js";
import { opened, stands } from "./log-keys.js";
import { madeBy, readJws, readSigner, statedBy } from "./log-note.js";
import { Tree, leafHash, readLeaf, rootFrom } from "./log-tree.js";
import { cosigners } from "./verify-cosigners.js";
import { bad, day, good, open, step } from "./verify-log.js";
import { shownTree } from "./verify-shown.js";

// Without these nothing is proved; the others may be open, and are then told.
export const NEEDED = new Set(["key", "checkpoint", "leaf", "body", "inclusion", "chain"]);

export class Verification {
  // `log`: a `KnownLog`. `opening`: what the page shows of the entry, all of it to be recomputed.
  constructor({ log, seq, opening, signers, words }) {
    Object.assign(this, { log, seq, opening, signers, words });
  }

  get served() {
    return this.log.served;
  }

  get shown() {
    return this.log.shown;
  }

  // Yields `{id, title, state, says}`, one after another.
  async *steps() {
    yield* this.log.steps({ beyond: this.seq });
    yield* step("leaf", "The entry in the log is the one on this page", () => this.#leaf());
    const content = this.opening.erased ? "The content was erased" : "The content is the one that was recorded";
    yield* step("body", content, () => this.#body());
    yield* step("inclusion", "The entry is in the log that was signed", () => this.#inclusion());
    yield* step("chain", "It follows the entry before it", () => this.#chain());
    if (this.body?.declaration) {
      yield* step("declaration", "The declaration was signed by the connector", () => this.#declaration());
    }
    if (Array.isArray(this.body?.clauses) && this.body.clauses.length) {
      yield* step("words", "The clauses’ words are those that decided", () => this.#clauses());
    }
    if (typeof this.body?.jws === "string" && typeof this.body.statement === "string") {
      yield* step("statement", "The statement was signed by the key that it names", () => this.#statement());
    }
    const { log, seq, opening, leaf, included } = this;
    yield* step("tree", "The receipt and the tree on this page are the log’s", () => shownTree({ log, seq, shown: opening.tree, leaf, included }));
    yield* step("cosigners", "Who else saw this log", () => cosigners({ log, seq, ...opening.cosigned }));
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
    if (opening.erased) return this.#erased();
    if (!opening.body || !opening.salt) return bad("The page holds no content to be checked.");
    const digest = hex(await sha256(unhex(opening.salt), encode(opening.body)));
    if (digest !== leaf.body) {
      return bad(`What this page shows as the content of entry ${this.seq} hashes to ${digest}; what was recorded hashes to ${leaf.body}.`);
    }
    this.body = parsed(opening.body);
    return good(`Salt and content hash to ${digest}, which the leaf says.`);
  }

  // What the page says of an erasure must be an erasure of this log, and name this entry where one may read it.
  async #erased() {
    const { opening, seq, shown, served } = this;
    const under = /^(?:0|[1-9][0-9]{0,15})$/.test(opening.erased) ? Number(opening.erased) : NaN;
    const claim = `The page says that the content was erased under entry ${opening.erased}`;
    if (!(under > seq)) return bad(`${claim}, which is none behind this one.`);
    if (opening.body || opening.salt) return bad(`${claim}, and shows content all the same.`);
    const bytes = await served.leaf(under, shown.size);
    const leaf = readLeaf(bytes);
    if (leaf.kind !== "erasure" || leaf.seq !== under) return bad(`${claim}, and that entry of the log is a “${leaf.kind}”.`);
    await stands({ seq: under, bytes, shown, served, tree: this.log.tree });
    this.erasedUnder = under;
    const link = { href: `/history/${under}`, text: `Entry ${under}, the erasure` };
    const said = `Erased under entry ${under}, an erasure that stands in the signed log since ${day(leaf.time)}`;
    const gone = "That this entry was recorded, when and where, is proved as before; what it said can be looked at by nobody any more.";
    if (!opening.erasure) return { state: "erased", says: `${said}. ${gone} You may not read whether that erasure names this entry.`, link };
    const erasure = await opened(opening.erasure);
    if (!equal(erasure.bytes, bytes)) return bad(`What the page shows of the erasure is not entry ${under} of the log.`);
    const runs = erasure.said.erased?.bodies;
    const named = Array.isArray(runs) && runs.some(([first, last]) => first <= seq && seq <= last);
    if (!named) return bad(`${claim}, and that erasure does not name this entry.`);
    return { state: "erased", says: `${said}; it names this entry. ${gone}`, link };
  }

  async #inclusion() {
    const { leaf, shown } = this;
    if (!leaf || !shown) return open("Not looked at: there is no leaf, or no checkpoint.");
    const tree = this.log.tree ?? new Tree(shown.size, this.served);
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
    if (!this.signers.declaration) return open(`The server shows no key of the fingerprint ${said.keyid}.`);
    const signer = await readSigner(this.signers.declaration);
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

  async #statement() {
    const { jws, statement } = this.body;
    const read = readJws(jws);
    if (!this.signers.statement) return open(`The server shows no key of the fingerprint ${read.kid}.`);
    const signer = await readSigner(this.signers.statement);
    if (signer.fingerprint !== read.kid) return bad(`The key on this page is ${signer.fingerprint}, and the signature names ${read.kid}.`);
    const { verified, text } = await statedBy(signer, read, statement);
    if (verified === "unknown") return open("This browser does not know this kind of signature, so it was NOT checked.");
    if (verified !== "good") return bad(`The recorded signature does not hold: ${verified}.`);
    if (this.opening.statement !== text) return bad("What the page shows as the statement is not what was signed.");
    return good(`The holder of ${read.kid} signed the statement that this entry records, to the byte. Whose key that is you must ask.`);
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
