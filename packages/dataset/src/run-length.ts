// Masks as text, for `predictions.parquet`: small, readable by eye and by any language.
//
// A mask is read row by row (row-major); each run of equal pixels is `<class>:<length>`, runs are separated by one space, and the
// lengths sum to height × width. A 2 × 3 mask [0 0 1 / 1 1 0] is `0:2 1:3 0:1`.

export function encodeRuns(mask: Uint8Array): string {
  const runs: string[] = [];
  let start = 0;
  for (let i = 1; i <= mask.length; i++) {
    if (i < mask.length && mask[i] === mask[start]) continue;
    runs.push(`${mask[start]}:${i - start}`);
    start = i;
  }
  return mask.length === 0 ? "" : runs.join(" ");
}

/** The mask of `height × width = pixels`; throws RangeError for text that is not a run-length code of that many pixels. */
export function decodeRuns(text: string, pixels: number): Uint8Array {
  const mask = new Uint8Array(pixels);
  let at = 0;
  for (const run of text === "" ? [] : text.split(" ")) {
    const match = /^(\d{1,3}):(\d{1,10})$/.exec(run);
    const value = Number(match?.[1]);
    const end = at + Number(match?.[2]);
    if (match === null || value > 255 || end > pixels)
      throw new RangeError(`${JSON.stringify(run)} is not a run of a mask of ${pixels} pixels`);
    mask.fill(value, at, end);
    at = end;
  }
  if (at !== pixels) throw new RangeError(`the runs cover ${at} of ${pixels} pixels`);
  return mask;
}
