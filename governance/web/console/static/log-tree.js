// The Merkle tree (RFC 6962 §2.1) read from tiles (C2SP tlog-tiles): proofs made from what is served, and checked from
// nothing. A proof that leads to a root proves something only once a key that is trusted has signed the root.

import { decode, equal, sha256 } from "./log-bytes.js";

const WIDTH = 256;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (leaf) => sha256(LEAF, leaf);
export const nodeHash = (left, right) => sha256(NODE, left, right);

// `tile/0/x001/x234/067`, and `.p/17` where it is not full.
export function tilePath(level, index, width) {
  let digits = String(index);
  digits = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const groups = digits.match(/.../g);
  const name = groups.map((group, n) => (n < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${name}${width === WIDTH ? "" : `.p/${width}`}`;
}

export function leavesIn(bundle) {
  const found = [];
  for (let at = 0; at < bundle.length; ) {
    const behind = at + 2 + bundle[at] * 256 + bundle[at + 1];
    if (!(behind <= bundle.length)) throw new Error("a bundle of entries ends in the middle of one");
    found.push(bundle.slice(at + 2, behind));
    at = behind;
  }
  return found;
}

// How wide a tile is in a tree of so many leaves; 0 where there is none.
function widthOf(level, index, size) {
  return Math.max(0, Math.min(Math.floor(size / WIDTH ** Math.max(level, 0)) - index * WIDTH, WIDTH));
}

// What a server serves of a log. What it says is believed by nobody here.
export class Served {
  constructor(base, fetching = (url) => fetch(url, { cache: "no-store", credentials: "omit", redirect: "error" })) {
    this.base = base;
    this.fetching = fetching;
    this.asked = [];
  }

  async file(path, { absent = false } = {}) {
    this.asked.push(path);
    let answer;
    try {
      answer = await this.fetching(this.base + path);
    } catch {
      throw new Error(`the server gave no answer for ${path}`);
    }
    if (absent && answer.status === 404) return null;
    if (answer.status !== 200) throw new Error(`the server answered ${answer.status} for ${path}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  // A partial one may be gone once it is full: the full one begins with it.
  async #tile(level, index, width) {
    const found = await this.file(tilePath(level, index, width), { absent: width < WIDTH });
    return found ?? (await this.file(tilePath(level, index, WIDTH)));
  }

  async hashes(level, index, size) {
    const width = widthOf(level, index, size);
    if (!width) throw new Error(`a log of ${size} entries has no tile ${index} of level ${level}`);
    const bytes = await this.#tile(level, index, width);
    if (bytes.length !== width * 32 && bytes.length !== WIDTH * 32) {
      throw new Error(`${tilePath(level, index, width)} holds ${bytes.length} bytes, and ${width * 32} are due`);
    }
    return Array.from({ length: width }, (_, n) => bytes.slice(n * 32, n * 32 + 32));
  }

  async leaf(seq, size) {
    const index = Math.floor(seq / WIDTH);
    const width = widthOf(0, index, size);
    if (seq >= size || !width) throw new Error(`a log of ${size} entries has no entry ${seq}`);
    const leaves = leavesIn(await this.#tile("entries", index, width));
    if (leaves.length < width) throw new Error(`${tilePath("entries", index, width)} holds too few entries`);
    return leaves[seq % WIDTH];
  }
}

export class Tree {
  #tiles = new Map();

  constructor(size, served) {
    this.size = size;
    this.served = served;
  }

  #hashes(level, index) {
    const name = `${level}/${index}`;
    if (!this.#tiles.has(name)) this.#tiles.set(name, this.served.hashes(level, index, this.size));
    return this.#tiles.get(name);
  }

  // The root over the leaves `index * 2**level` to `(index + 1) * 2**level - 1`.
  async node(level, index) {
    const rest = level % 8;
    const first = index * 2 ** rest;
    const hashes = await this.#hashes(Math.floor(level / 8), Math.floor(first / WIDTH));
    let row = hashes.slice(first % WIDTH, (first % WIDTH) + 2 ** rest);
    if (row.length !== 2 ** rest) throw new Error(`a log of ${this.size} entries has no such part of its tree`);
    while (row.length > 1) {
      row = await Promise.all(Array.from({ length: row.length / 2 }, (_, n) => nodeHash(row[2 * n], row[2 * n + 1])));
    }
    return row[0];
  }

  async over(first, behind) {
    const peaks = [];
    for (let at = first; at < behind; ) {
      const level = topBit(behind - at);
      peaks.push(await this.node(level, at / 2 ** level));
      at += 2 ** level;
    }
    let root = peaks.pop();
    while (peaks.length) root = await nodeHash(peaks.pop(), root);
    return root;
  }

  async inclusion(index) {
    const found = [];
    let [first, behind] = [0, this.size];
    while (behind - first > 1) {
      const middle = first + split(behind - first);
      if (index < middle) {
        found.push(await this.over(middle, behind));
        behind = middle;
      } else {
        found.push(await this.over(first, middle));
        first = middle;
      }
    }
    return found.reverse();
  }

  async consistency(old) {
    const found = [];
    if (old === 0 || old === this.size) return found;
    let [first, behind, whole] = [0, this.size, true];
    while (old !== behind) {
      const middle = first + split(behind - first);
      if (old <= middle) {
        found.push(await this.over(middle, behind));
        behind = middle;
      } else {
        found.push(await this.over(first, middle));
        [first, whole] = [middle, false];
      }
    }
    if (!whole) found.push(await this.over(first, behind));
    return found.reverse();
  }
}

const half = (number) => Math.floor(number / 2);
const odd = (number) => number % 2 === 1;

function topBit(number) {
  let level = 0;
  while (2 ** (level + 1) <= number) level += 1;
  return level;
}

const split = (size) => 2 ** topBit(size - 1);

// The root that a proof leads to from a leaf's hash. Throws where the proof has too many hashes or too few.
export async function rootFrom({ hash, index, size, proof }) {
  if (!(Number.isSafeInteger(index) && 0 <= index && index < size)) throw new Error(`a log of ${size} entries has no entry ${index}`);
  let [at, last, digest] = [index, size - 1, hash];
  for (const sibling of proof) {
    if (last === 0) throw new Error("the proof has more hashes than are due");
    if (odd(at) || at === last) {
      digest = await nodeHash(sibling, digest);
      while (!odd(at) && at) [at, last] = [half(at), half(last)];
    } else {
      digest = await nodeHash(digest, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last) throw new Error("the proof ends too early");
  return digest;
}

// Whether the tree of `size` leaves with `root` begins with the one of `old` leaves with `oldRoot`.
export async function begins({ old, oldRoot, size, root, proof }) {
  if (old > size) return false;
  if (old === size) return proof.length === 0 && equal(oldRoot, root);
  if (old === 0) return proof.length === 0 && equal(oldRoot, await sha256());
  let [at, last] = [old - 1, size - 1];
  while (odd(at)) [at, last] = [half(at), half(last)];
  const rest = [...proof];
  if (!rest.length) return false;
  let before = at ? rest.shift() : oldRoot;
  let after = before;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      [before, after] = [await nodeHash(sibling, before), await nodeHash(sibling, after)];
      while (!odd(at) && at) [at, last] = [half(at), half(last)];
    } else {
      after = await nodeHash(after, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equal(before, oldRoot) && equal(after, root);
}

const LEAF_FORM =
  /^\{"body":"([0-9a-f]{64})","kind":"([a-z][a-z0-9-]{0,62})","prev":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,15}),"time":"([0-9T:.-]{26}Z)","v":1\}$/;

export function readLeaf(bytes) {
  const found = LEAF_FORM.exec(decode(bytes));
  if (!found) throw new Error("not the form of an entry’s leaf");
  const [, body, kind, prev, seq, time] = found;
  return { body, kind, prev, seq: Number(seq), time };
}

