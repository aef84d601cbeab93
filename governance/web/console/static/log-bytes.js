// Bytes, their digests, and their two ways of being written. Reading is strict: there is one form of each value.

const utf8 = new TextEncoder();

export const encode = (text) => utf8.encode(text);

// Throws where bytes are not UTF-8; nothing is replaced and nothing left out.
export const decode = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));

export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const equal = (one, other) => one.length === other.length && one.every((byte, n) => byte === other[n]);

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(text) {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

export function unbase64(text) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Error("not base64");
  }
  if (base64(bytes) !== text) throw new Error("not the one form of base64");
  return bytes;
}

// The one form of a JSON value (RFC 8785): keys sorted, no spaces, the shortest numbers.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

// Throws where a text is JSON in another form: what is read is then exactly what was hashed.
export function parsed(text) {
  const value = JSON.parse(text);
  if (canonical(value) !== text) throw new Error("not the one form of JSON");
  return value;
}
