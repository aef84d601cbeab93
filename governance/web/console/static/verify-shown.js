// What a page shows of the tree and of its receipt, held against the log: the checkpoint, and the hash of every part.

import { base64, encode, equal, hex } from "./log-bytes.js";
import { readCheckpoint, signedBy } from "./log-note.js";
import { Tree } from "./log-tree.js";
import { bad, entries, good, oneHistory, open } from "./verify-log.js";

// `shown`: the note of the page, its parts `{first, last, hash}`, and the hashes that it gives of the entry; null where the
// page shows none. `leaf` was seen to be the log's.
export async function shownTree({ log, seq, shown, leaf, included }) {
  if (!shown) return null;
  if (!log.signed || log.wrong || !included) return open("Not looked at: what the log serves does not hold itself.");
  const checkpoint = readCheckpoint(encode(shown.note));
  const { key } = log.chain.signer(checkpoint, log.key);
  const held = await signedBy(checkpoint, key ?? log.key);
  if (held === "unknown") return open("This browser has no Ed25519, so the checkpoint of the receipt was NOT checked.");
  if (held !== "good") return bad(`The checkpoint of the receipt does not hold: ${held}.`);
  if (checkpoint.size <= seq) return bad(`The receipt’s checkpoint counts ${entries(checkpoint.size)}, so it does not hold this one.`);
  if (!(await oneHistory(checkpoint, log.shown, log.served))) {
    const notes = [
      { title: "The checkpoint on this page", text: checkpoint.note },
      { title: "The checkpoint that is shown", text: log.shown.note },
    ];
    return bad("The receipt is of another history than the log that is served. Keep both checkpoints.", { notes });
  }
  const tree = new Tree(checkpoint.size, log.served);
  for (const { first, last, hash } of shown.parts) {
    const whole = first === 0 && last === checkpoint.size - 1;
    const due = whole ? base64(checkpoint.root) : hex(await tree.over(first, last + 1));
    if (hash !== due) return bad(`The page shows ${hash} for the entries ${first} to ${last}, and the log has ${due}.`);
  }
  const own = { leaf: hex(leaf.hash), prev: leaf.prev, body: leaf.body };
  for (const [what, due] of Object.entries(own)) {
    if (shown[what] !== due) return bad(`The page shows ${shown[what] || "nothing"} as a hash of this entry, and it is ${due}.`);
  }
  if (!equal(await tree.over(0, checkpoint.size), checkpoint.root)) return bad("The tiles do not lead to the root of the receipt’s checkpoint.");
  return good(`The receipt’s checkpoint counts ${entries(checkpoint.size)} and is of the very log that is served. The ${shown.parts.length + 3} hashes that the page shows were made anew from its tiles.`);
}
