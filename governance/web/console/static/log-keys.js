// One key of a log after another (docs/log-format.md): entries in which the old key signs the new one.
//
// A statement is a note of the old key: `accordant-<kind>/v1`, the old key, the new one, the number of entries before
// this one, their root. Whoever knows any key of the chain believes the newest, once every link was seen to stand in the
// very log that the newest signs, over the very entries that the old key signed for.

import { canonical, decode, encode, equal, hex, parsed, sha256, unbase64, unhex } from "./log-bytes.js";
import { Unsupported, linesOf, readKey, readNote, signedBy } from "./log-note.js";
import { begins, leafHash, readLeaf, rootFrom } from "./log-tree.js";

export const ROTATED = "log-key";
export const CONTINUED = "continuation";
const MOST = 10_000;

// An entry in the form in which the log hands it out: its leaf, the salt, and the body that both lead to.
export async function opened({ leaf, salt, body }) {
  const read = readLeaf(encode(leaf));
  const digest = hex(await sha256(unhex(salt), encode(body)));
  if (digest !== read.body) throw new Error(`what is shown as the content of entry ${read.seq} hashes to ${digest}, and its leaf says ${read.body}`);
  return { ...read, bytes: encode(leaf), said: parsed(body) };
}

async function readLink(line) {
  const told = parsed(line);
  if (Object.keys(told).sort().join() !== "body,leaf,salt") throw new Error("not an opened entry");
  const { seq, kind, bytes, said } = await opened({ leaf: told.leaf, salt: told.salt, body: canonical(told.body) });
  if (kind !== ROTATED && kind !== CONTINUED) throw new Error(`entry ${seq} is about no key of the log`);
  const [before, after] = [await readKey(String(said.old)), await readKey(String(said.new))];
  const statement = readNote(encode(String(said.statement)));
  const held = await signedBy(statement, before);
  if (held === "unknown") throw new Unsupported();
  if (held !== "good") throw new Error(`entry ${seq} names another key of the log, and the key before did not sign that: ${held}`);
  const root = statement.text.split("\n")[4] ?? "";
  const due = [`accordant-${kind}/v1`, before.vkey, after.vkey, String(seq), root, ""].join("\n");
  const same = before.name === after.name;
  if (statement.text !== due || before.vkey === after.vkey || same !== (kind === ROTATED)) {
    throw new Error(`entry ${seq} names another key of the log, and what the key before signed is about something else`);
  }
  const last = said.missing?.until ?? null;
  const lost = kind === CONTINUED && Number.isSafeInteger(last) ? last + 1 : 0;
  const until = kind === ROTATED ? seq + 1 : Math.max(seq, lost);
  return { seq, kind, before, after, root: unbase64(root), lost, until, bytes };
}

export class Chain {
  constructor(links = []) {
    this.links = links;
  }

  // Of what `/log/vkeys` holds. Throws where a link does not hold, or does not begin where the one before it ended.
  static async of(bytes) {
    const lines = decode(bytes).split("\n").filter((line) => line.trim());
    if (lines.length > MOST) throw new Error("the log shows too many keys");
    const links = [];
    for (const line of lines) {
      const link = await readLink(line);
      const last = links.at(-1);
      if (last && (last.after.vkey !== link.before.vkey || last.seq >= link.seq)) {
        throw new Error(`entry ${link.seq} takes the place of a key that was not the log's by then`);
      }
      links.push(link);
    }
    return new Chain(links);
  }

  get newest() {
    return this.links.at(-1)?.after ?? null;
  }

  // The links that lead from a key to the newest; none where it is the newest, or is not of this chain.
  from(key) {
    const at = this.links.findIndex((link) => link.before.vkey === key.vkey);
    return at < 0 ? [] : this.links.slice(at);
  }

  // Every key of the log for whoever believes `key`, the newest first.
  keys(key) {
    const known = this.links.some((link) => link.before.vkey === key.vkey || link.after.vkey === key.vkey);
    return known ? [...this.links.map((link) => link.after).reverse(), this.links[0].before] : [key];
  }

  // The newest of its keys under whose name a note is signed, and the link that retired it.
  signer(note, key) {
    const found = this.keys(key).find((one) => linesOf(note, one).length) ?? null;
    return { key: found, retired: found && (this.links.find((link) => link.before.vkey === found.vkey) ?? null) };
  }
}

// That an entry stands in the tree that a checkpoint signs. Throws where it does not.
export async function stands({ seq, bytes, shown, served, tree }) {
  if (seq >= shown.size) throw new Error(`entry ${seq} stands behind the ${shown.size} entries of the checkpoint`);
  if (!equal(await served.leaf(seq, shown.size), bytes)) throw new Error(`the log holds another entry ${seq} than the one that is shown`);
  const root = await rootFrom({ hash: await leafHash(bytes), index: seq, size: shown.size, proof: await tree.inclusion(seq) });
  if (!equal(root, shown.root)) throw new Error(`no proof leads from entry ${seq} to the root of the checkpoint`);
}

// That each link stands in the log that is shown, over the entries that the old key signed for. Throws where one does not.
export async function followed(links, { shown, served, tree }) {
  for (const link of links) {
    await stands({ ...link, shown, served, tree });
    const before = { old: link.seq, oldRoot: link.root, size: shown.size, root: shown.root };
    if (!(await begins({ ...before, proof: await tree.consistency(link.seq) }))) {
      throw new Error(`the key that entry ${link.seq} took the place of had signed for other entries before it`);
    }
  }
}
