// Who cosigned this log: every checkpoint that is shown as cosigned, held against the log, and each line under it
// against the keys of witnesses that the person knows, or that the server's policy names.

import { encode } from "./log-bytes.js";
import { Unsupported, readCheckpoint, signedBy } from "./log-note.js";
import { cosigned, readWitness, strangers } from "./log-witness.js";
import { bad, day, entries, good, oneHistory, open } from "./verify-log.js";

const FUTURE = 86_400;

// `notes`: checkpoints that the page shows as cosigned; `claims`: who did so, as it says. `witnesses`: what the server's
// policy names, `{name, vkey}`.
export async function cosigners({ log, seq, notes = [], witnesses = [], claims = [] }) {
  if (!log.signed) return open("Not looked at: no checkpoint was seen to be signed.");
  // Where nobody is known and nothing is shown, the log is not asked either: a browser would complain of the answer 404.
  const asked = notes.length || witnesses.length || log.memory.witnesses().length;
  const newest = asked ? await log.served.file("cosigned", { absent: true }) : null;
  const texts = new Set([log.shown.note, ...notes, ...(newest ? [new TextDecoder().decode(newest)] : [])]);
  const kept = [];
  for (const text of texts) {
    const checkpoint = readCheckpoint(encode(text));
    const wrong = checkpoint.note === log.shown.note ? null : await foreign(checkpoint, log);
    if (wrong) return wrong;
    kept.push(checkpoint);
  }
  kept.sort((one, other) => other.size - one.size);
  const items = [];
  const known = [];
  for (const vkey of log.memory.witnesses()) known.push({ key: await readWitness(vkey), told: true });
  for (const { name, vkey } of witnesses) {
    if (known.some(({ key }) => key.vkey === vkey)) continue;
    try {
      known.push({ key: await readWitness(vkey), told: false });
    } catch (error) {
      items.push({ state: "open", says: `${name}: what the server gives as its key is ${error.message}, so nothing was checked.` });
    }
  }
  for (const one of known) items.push(await vouched(one, kept, seq));
  const others = new Map();
  for (const checkpoint of kept) for (const one of strangers(checkpoint, [...log.keys, ...known.map(({ key }) => key)])) others.set(one.short, one);
  for (const { short, readable } of others.values()) {
    const why = readable ? "you gave no key of this witness, and the server names none" : "it is of a kind that this page does not know";
    items.push({ state: "open", says: `${short}: a line stands under its name, and was NOT checked: ${why}.` });
  }
  const lines = new Set(kept.filter(({ size }) => size > seq).flatMap((one) => strangers(one, []).map(({ short }) => short)));
  for (const short of claims) {
    if (!lines.has(short)) items.push({ state: "bad", says: `${short}: the page says that it cosigned, and no checkpoint that holds this entry bears a line of it.` });
  }
  return summed(items, known);
}

function summed(items, known) {
  if (!items.length) return null; // nobody is known and nobody signed: the page says so elsewhere
  const sure = items.filter(({ state, told }) => state === "good" && told);
  const said = items.filter(({ state, told }) => state === "good" && !told);
  const wrong = items.filter(({ state }) => state === "bad");
  if (wrong.length) return bad(`${wrong.length} of ${items.length} do not hold.`, { items });
  const due = known.filter(({ told }) => told).length;
  const names = (list) => list.map(({ name }) => name).join(", ");
  if (due && sure.length < due) return open(`Of the ${due} ${due === 1 ? "witness" : "witnesses"} whose key you gave, ${sure.length} vouched for this entry.`, { items });
  if (sure.length) return good(`${names(sure)}, by ${sure.length === 1 ? "the key" : "keys"} that you gave.`, { items, names: names(sure) });
  if (said.length) {
    const whose = "The keys come from this server’s policy: to be sure, give those that you were told by another way.";
    return good(`${names(said)}, as far as the keys are theirs. ${whose}`, { items, names: `${names(said)} (keys from this server)` });
  }
  return open("No cosignature that covers this entry could be checked here.", { items });
}

// Null where a checkpoint is of this very log, else what is wrong with it.
async function foreign(checkpoint, log) {
  const { key, retired } = log.chain.signer(checkpoint, log.key);
  const held = await signedBy(checkpoint, key ?? log.key);
  if (held === "unknown") throw new Unsupported();
  if (held !== "good") return bad(`A checkpoint of ${entries(checkpoint.size)} is shown as cosigned, and it is not this log’s: ${held}.`);
  const notes = [
    { title: "The checkpoint that was cosigned", text: checkpoint.note },
    { title: "The checkpoint that is shown", text: log.shown.note },
  ];
  if (retired && checkpoint.size > retired.until) {
    return bad(`The cosigned checkpoint of ${entries(checkpoint.size)} is signed by a key that entry ${retired.seq} had retired. Keep both checkpoints.`, { notes });
  }
  if (await oneHistory(checkpoint, log.shown, log.served)) return null;
  return bad(
    `Witnesses were shown a log of ${entries(checkpoint.size)} that is not the one that is shown here, of ${entries(log.shown.size)}: the log forked. Keep both checkpoints.`,
    { notes },
  );
}

// What one witness says of this entry: its newest cosignature that covers it.
async function vouched({ key, told }, kept, seq) {
  const whose = told ? "the key that you gave" : "the key that this server names for it";
  let early = null;
  try {
    for (const checkpoint of kept) {
      const seconds = await cosigned(checkpoint, key);
      if (seconds === null) continue;
      if (checkpoint.size <= seq) {
        early ??= checkpoint.size;
        continue;
      }
      const at = new Date(seconds * 1000);
      if (Number.isNaN(at.getTime())) throw new Error(`the time of its cosignature, ${seconds} seconds, is none`);
      const late = seconds > Date.now() / 1000 + FUTURE ? " (by this computer’s clock that is in the future)" : "";
      const says = `${key.name} cosigned the checkpoint of ${entries(checkpoint.size)}, which holds this entry, on ${day(at.toISOString())}${late}. Verified with ${whose}.`;
      return { state: "good", told, name: key.name, says };
    }
  } catch (error) {
    if (error instanceof Unsupported) throw error;
    return { state: "bad", told, name: key.name, says: `${key.name}: ${error.message}. Checked with ${whose}.` };
  }
  const why = early ? `the newest that it cosigned counts ${entries(early)}, and does not hold this entry yet` : "no cosignature of it is shown";
  return { state: "open", told, name: key.name, says: `${key.name}: ${why}.` };
}
