// Signed notes (C2SP signed-note), checkpoints (C2SP tlog-checkpoint), and the key that they are verified with.
//
// A note is a text that ends in a newline, an empty line, and lines `— <name> base64(<key id> ‖ signature)`. A verifier
// key is `<name>+<key id>+base64(0x01 ‖ Ed25519 public key)`, the id being the beginning of a hash of name and key.

import { base64, decode, encode, equal, hex, sha256, unbase64 } from "./log-bytes.js";

const LOG = { type: 1, wrong: "not the verifier key of a log: its type is not Ed25519" };
const MOST = { bytes: 1_000_000, signatures: 100 };

// Of a signature that this browser knows no way to look at: it is neither good nor bad.
export class Unsupported extends Error {
  constructor() {
    super("this browser has no Ed25519");
  }
}

export async function readKey(vkey, { type, wrong } = LOG) {
  const found = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey.trim());
  if (!found) throw new Error("not a verifier key: a name, eight hexadecimal digits and base64, joined by plus signs");
  const [, name, id, encoded] = found;
  const typed = unbase64(encoded);
  if (typed.length !== 33 || typed[0] !== type) throw new Error(wrong);
  const keyId = (await sha256(encode(`${name}\n`), typed)).slice(0, 4);
  if (hex(keyId) !== id) throw new Error("the key's id does not belong to its name and bytes: a character is wrong or missing");
  return { vkey: `${name}+${id}+${encoded}`, short: `${name}+${id}`, name, keyId, public: typed.slice(1) };
}

export function readNote(bytes) {
  if (bytes.length > MOST.bytes) throw new Error("the note is too long");
  const whole = decode(bytes);
  const cut = whole.lastIndexOf("\n\n");
  if (cut < 0 || !whole.endsWith("\n") || /[\u0000-\u0009\u000b-\u001f]/.test(whole)) throw new Error("not a signed note");
  const lines = whole.slice(cut + 2, -1).split("\n");
  if (lines.length > MOST.signatures) throw new Error(`the note has more than ${MOST.signatures} signatures`);
  const signatures = lines.map((line) => {
    const found = /^— ([^+\s]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    const data = found ? unbase64(found[2]) : new Uint8Array();
    if (data.length < 5) throw new Error("not a signature line of a note");
    return { name: found[1], keyId: data.slice(0, 4), signature: data.slice(4) };
  });
  return { note: whole, text: whole.slice(0, cut + 1), signatures };
}

export const linesOf = (note, key) => note.signatures.filter((s) => s.name === key.name && equal(s.keyId, key.keyId));

export function readCheckpoint(bytes) {
  const note = readNote(bytes);
  const [origin, size, root] = note.text.split("\n");
  if (!origin || !/^(?:0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(Number(size)) || !root) {
    throw new Error("not a checkpoint: a log's name, its number of entries and its root");
  }
  const digest = unbase64(root);
  if (digest.length !== 32) throw new Error("the root of a checkpoint has 32 bytes");
  return { ...note, origin, size: Number(size), root: digest };
}

// Whether bytes were signed by a key of Ed25519. Throws `Unsupported` where this browser can't know.
export async function verifies(key, signature, bytes) {
  let held;
  try {
    held = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Unsupported();
    throw new Error(`the key ${key.short} is not a key of Ed25519`);
  }
  return crypto.subtle.verify({ name: "Ed25519" }, held, signature, bytes);
}

// "good"; "unknown" where this browser has no Ed25519; otherwise what is wrong. Nothing but "good" means that it holds.
export async function signedBy(note, key) {
  const own = linesOf(note, key);
  if (!own.length) {
    const who = note.signatures.map((s) => `${s.name}+${hex(s.keyId)}`).join(", ");
    return `it is signed by ${who}, and not by the key that this browser trusts, ${key.short}`;
  }
  try {
    for (const { signature } of own) {
      if (!(await verifies(key, signature, encode(note.text)))) return `the signature under the name of ${key.short} is not that key's`;
    }
  } catch (error) {
    return error instanceof Unsupported ? "unknown" : error.message;
  }
  return "good";
}

// A key by the SHA-256 of its SubjectPublicKeyInfo, which names it; and a signature of it over bytes, as above.
export async function readSigner(pem) {
  const spki = unbase64(pem.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, "").replace(/\s/g, ""));
  const digest = base64(await sha256(spki)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return { spki, fingerprint: `SHA256:${digest}` };
}

const ALGORITHMS = {
  "ed25519": [{ name: "Ed25519" }, { name: "Ed25519" }],
  "ecdsa-p256-sha256": [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
};

export async function madeBy(signer, alg, signature, message) {
  if (!Object.hasOwn(ALGORITHMS, alg)) return `it was made by “${alg}”, which is not taken`;
  const [kind, how] = ALGORITHMS[alg];
  let held;
  try {
    held = await crypto.subtle.importKey("spki", signer.spki, kind, false, ["verify"]);
  } catch (error) {
    return error.name === "NotSupportedError" ? "unknown" : "the key is not one of the kind that signed";
  }
  return (await crypto.subtle.verify(how, held, signature, message)) ? "good" : "it does not verify with the key";
}

// A detached JWS (RFC 7515 App. F) over a statement: `header..signature`, the header being exactly these three members.
const JOSE = { EdDSA: "ed25519", ES256: "ecdsa-p256-sha256" };
const TYP = "accordant-statement+jws";

function unbase64url(text) {
  return unbase64(text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4));
}

export function readJws(jws) {
  const found = /^([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]+)$/.exec(jws);
  if (!found) throw new Error("not a detached JWS");
  const header = JSON.parse(decode(unbase64url(found[1])));
  if (Object.keys(header).sort().join() !== "alg,kid,typ" || header.typ !== TYP) throw new Error("the header of the signature holds other members");
  return { kid: header.kid, alg: JOSE[header.alg] ?? header.alg, head: found[1], signature: unbase64url(found[2]) };
}

// The statement is base64url as well, and is signed as it travels; its text, where that holds.
export async function statedBy(signer, { alg, head, signature }, statement) {
  const text = decode(unbase64url(statement));
  return { verified: await madeBy(signer, alg, signature, encode(`${head}.${statement}`)), text };
}
