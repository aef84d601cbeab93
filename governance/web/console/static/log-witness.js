// Cosignatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`, Ed25519): “the largest that I saw”.
//
// A line's signature is eight bytes of time (seconds since 1970, big endian) and an Ed25519 signature over
// `cosignature/v1`, `time <seconds>` and the checkpoint's text. A witness's key is of the type 0x04: none is a log's.

import { encode, hex } from "./log-bytes.js";
import { linesOf, readKey, verifies } from "./log-note.js";

const WITNESS = { type: 4, wrong: "not a witness’s verifier key: its type is not that of Ed25519 cosignatures" };
const LENGTH = 8 + 64;

export const readWitness = (vkey) => readKey(vkey, WITNESS);

// Keys out of what a person pastes: one a line, or the `witness` lines of a policy file (C2SP tlog-policy).
export async function readWitnesses(text) {
  const found = [];
  for (const line of text.split("\n").map((one) => one.trim())) {
    const words = line.split(/\s+/);
    if (!line || line.startsWith("#") || ["log", "group", "quorum"].includes(words[0])) continue;
    const vkey = words[0] === "witness" ? (words[2] ?? "") : line;
    found.push(await readWitness(vkey));
  }
  if (!found.length) throw new Error("no verifier key of a witness");
  return found;
}

// When a witness made its newest cosignature under a checkpoint, in seconds; null where none stands under its name.
// Throws where one of them is not that key's.
export async function cosigned(checkpoint, witness) {
  let newest = null;
  for (const { signature } of linesOf(checkpoint, witness)) {
    const seconds = signature.length === LENGTH ? Number(new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0)) : NaN;
    const message = encode(`cosignature/v1\ntime ${seconds}\n${checkpoint.text}`);
    if (!Number.isSafeInteger(seconds) || !(await verifies(witness, signature.slice(8), message))) {
      throw new Error(`the cosignature under the name of ${witness.short} is not that key's`);
    }
    newest = Math.max(newest ?? 0, seconds);
  }
  return newest;
}

// Signature lines that are neither the log's nor of a witness whose key is known.
export function strangers(checkpoint, known) {
  const names = new Set(known.map((key) => key.short));
  return checkpoint.signatures
    .map((s) => ({ short: `${s.name}+${hex(s.keyId)}`, readable: s.signature.length === LENGTH }))
    .filter(({ short }) => !names.has(short));
}
