// Seeded draws. Everything random in this package is a function of integers that are named at the call, never of a shared stream:
// so a draw does not depend on how many others were made before it, and a resumed run meets the same ones.

/** MurmurHash3's finaliser: every bit of the input reaches every bit of the result. */
function mix(bits: number): number {
  let h = bits | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit hash of integers, order included. Bits beyond the 32nd of a part count too. */
export function hashOf(...parts: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const part of parts) {
    h = mix(Math.imul(h, 31) + (part >>> 0));
    h = mix(h ^ (Math.floor(part / 0x1_0000_0000) >>> 0) ^ 0x2545f491);
  }
  return h;
}

/** Fisher-Yates shuffle in place, decided by the seed parts alone. The bias of the scaled 32-bit draw is below n / 2^32. */
export function shuffle<T extends Int32Array | unknown[]>(items: T, ...seedParts: readonly number[]): T {
  const key = hashOf(...seedParts);
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor((hashOf(key, i) / 0x1_0000_0000) * (i + 1));
    const held = items[i]!;
    items[i] = items[j]!;
    items[j] = held;
  }
  return items;
}
