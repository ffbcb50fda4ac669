// The tone task: a small data set of the shape that VENet is for, made of pictures anyone may use. The five skin tones of an emoji are
// the ordinal grade, the skin is the lesion, the emoji's concept is the patient. Alone: `node tone-task.mjs FOLDER`.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { cacheFolder } from "@saphena/setup";
import { INTEGRITY, emojiFiles } from "./emoji-package.mjs";

/** Fitzpatrick modifiers, light to dark: the grades t1 … t5. */
const TONES = ["1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"];
/** Like severity level 3 of the VENet data, this grade has labels but no masks. */
const GRADE_WITHOUT_MASKS = "t4";
/** Skin is where the largest difference of a colour channel between t1 and t5 is above this, of 255. */
const SKIN_DIFFERENCE = 24;
const SIDE = 64;
const EXPECTED = { images: 1580, groups: 162, masks: 1264 };
/** Raised when the files come out differently, so that an older folder is built anew. */
const BUILD = { version: 1, source: INTEGRITY };

const ZERO_WIDTH_JOINER = "200D";
const GENDER_SIGNS = new Set(["2640", "2642"]);
const EMOJI_PRESENTATION = "FE0F";
const PEOPLE = new Set(["1F468", "1F469", "1F9D1"]); // man, woman, person

/**
 * The concept behind an emoji's code points: the man, the woman and the person who do the same are one group, as photographs of one
 * patient are, because their pictures differ in little. So gender signs are dropped (`surfer + woman` is `surfer`), and a man or woman joined
 * to something becomes a person (`woman + microphone` is `person + microphone`). Standing alone, man, woman and person stay three.
 */
export function conceptOf(unified) {
  const codes = unified.split("-").filter((code) => code !== EMOJI_PRESENTATION && code !== ZERO_WIDTH_JOINER && !GENDER_SIGNS.has(code));
  if (codes.length > 1 && PEOPLE.has(codes[0])) codes[0] = "1F9D1";
  return codes.join("-").toLowerCase();
}

/**
 * Writes `images/*.png` (64 × 64, over white), `masks/*.png` and `manifest.csv` to `outFolder`, unless they are there already.
 * @param {{ cacheFolder: string, outFolder: string, onProgress?: (line: string) => void }} options
 * @returns {Promise<{ manifest: string, images: number, groups: number, masks: number }>}
 */
export async function buildToneTask({ cacheFolder: cache, outFolder, onProgress = () => {} }) {
  const out = { images: join(outFolder, "images"), masks: join(outFolder, "masks"), manifest: join(outFolder, "manifest.csv") };
  const marker = join(outFolder, "built.json");
  const wanted = JSON.stringify(BUILD);
  if ((await readFile(marker, "utf8").catch(() => "")) === wanted) return { manifest: out.manifest, ...EXPECTED };

  const files = await emojiFiles(cache, onProgress);
  const emoji = JSON.parse(files.get("emoji.json").toString()).filter(hasAllTones);
  onProgress(`writing ${emoji.length * TONES.length} images to ${outFolder}`);
  for (const folder of [out.images, out.masks]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  const rows = [];
  for (const { unified, skin_variations: variations } of emoji) {
    const pictures = await Promise.all(TONES.map((tone) => overWhite(files.get(`img/google/64/${variations[tone].image}`))));
    rows.push(...(await writeEmoji(unified, pictures, out)));
  }
  assertCounts(rows);
  await writeFile(out.manifest, `id,image,mask,label,group\n${rows.map((row) => `${row.join(",")}\n`).join("")}`);
  await writeFile(marker, wanted); // last: a folder without it is built anew
  return { manifest: out.manifest, ...EXPECTED };
}

function hasAllTones({ skin_variations: variations }) {
  return variations !== undefined && TONES.every((tone) => variations[tone]?.has_img_google === true);
}

/** RGB bytes [SIDE, SIDE, 3]. */
async function overWhite(png) {
  const { data, info } = await sharp(png)
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== SIDE || info.height !== SIDE || info.channels !== 3)
    throw new Error(`an emoji is ${info.width}×${info.height}×${info.channels}`);
  return data;
}

/** Writes the five images and the one mask of an emoji; its rows of the manifest. */
async function writeEmoji(unified, pictures, out) {
  const name = unified.toLowerCase();
  const toPng = (bytes, channels) => sharp(bytes, { raw: { width: SIDE, height: SIDE, channels } }).png();
  await toPng(skinMask(pictures[0], pictures.at(-1)), 1)
    .toColourspace("b-w")
    .toFile(join(out.masks, `${name}.png`));
  return Promise.all(
    pictures.map(async (picture, i) => {
      const grade = `t${i + 1}`;
      await toPng(picture, 3).toFile(join(out.images, `${name}-${grade}.png`));
      const mask = grade === GRADE_WITHOUT_MASKS ? "" : `masks/${name}.png`;
      return [`${name}-${grade}`, `images/${name}-${grade}.png`, mask, grade, conceptOf(unified)];
    }),
  );
}

function skinMask(light, dark) {
  const differs = (pixel) =>
    [0, 1, 2].some((channel) => Math.abs(light[pixel * 3 + channel] - dark[pixel * 3 + channel]) > SKIN_DIFFERENCE);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, pixel) => (differs(pixel) ? 255 : 0));
}

function assertCounts(rows) {
  const found = { images: rows.length, groups: new Set(rows.map((row) => row[4])).size, masks: rows.filter((row) => row[2] !== "").length };
  for (const [what, expected] of Object.entries(EXPECTED)) {
    if (found[what] !== expected) throw new Error(`the tone task has ${found[what]} ${what} in place of ${expected}`);
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const outFolder = resolve(process.argv[2] ?? "tone-task");
  const built = await buildToneTask({ cacheFolder: cacheFolder(), outFolder, onProgress: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${built.manifest}: ${built.images} images, ${built.masks} masks, ${built.groups} groups\n`);
}
