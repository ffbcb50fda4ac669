// Reading a folder as a dataset: a folder per class, or images without classes; masks beside the images or in a folder of their own.
import type { Draft, DraftRow, FilePlace } from "./draft.ts";
import type { FileReader } from "./file-reader.ts";
import type { Problem } from "./problem.ts";

const IMAGE = /\.(png|jpe?g|webp)$/i;
const OTHER_IMAGE = /\.(avif|bmp|dcm|gif|heic|heif|jp2|tiff?)$/i;
const MASK_SUFFIX = /[_-](mask|segmentation)$/i;

/**
 * The layouts: `SRC/<class>/…/x.jpg`; `SRC/x.jpg` without classes; either of them below `SRC/images` when there are `SRC/images` and
 * `SRC/masks` and nothing else. The mask of `a/x.jpg` is `a/x.png`, `a/x_mask.png` or `a/x_segmentation.png` in the folder of masks
 * (or without the `a/`, where only one image is named so), or `a/x_mask.png` beside it. The id is the path without its extension.
 */
export async function draftFromFolder(source: string, masks: string | undefined, reader: FileReader): Promise<Draft> {
  const listing = await reader.list(source);
  const isPaired =
    masks === undefined &&
    listing.length > 0 &&
    listing.every((path) => /^(images|masks)\//.test(path)) &&
    listing.some((path) => path.startsWith("masks/"));
  const inside = (folder: string): FilePlace[] => listing.filter((path) => path.startsWith(folder)).map((path) => ({ root: source, path }));
  if (isPaired) return drafting(inside("images/"), "images/", inside("masks/"), "masks/");
  const maskFiles = masks === undefined ? [] : (await reader.list(masks)).map((path) => ({ root: masks, path }));
  return drafting(inside(""), "", maskFiles, "");
}

interface Named {
  readonly place: FilePlace;
  /** Path below its folder without extension. */
  readonly stem: string;
}

function drafting(files: readonly FilePlace[], imagePrefix: string, maskFiles: readonly FilePlace[], maskPrefix: string): Draft {
  const named = files.filter(({ path }) => IMAGE.test(path)).map((place) => name(place, imagePrefix));
  const stems = new Set(named.map(({ stem }) => stem));
  const isMaskBeside = ({ stem }: Named): boolean => MASK_SUFFIX.test(stem) && stems.has(stem.replace(MASK_SUFFIX, ""));
  const images = named.filter((file) => !isMaskBeside(file));
  const masks = [
    ...maskFiles.filter(({ path }) => IMAGE.test(path)).map((place) => name(place, maskPrefix)),
    ...named.filter(isMaskBeside),
  ];
  const { maskOf, problems } = pairMasks(images, masks);
  const hasClasses = images.some(({ stem }) => stem.includes("/"));
  const stray = hasClasses ? images.filter(({ stem }) => !stem.includes("/")) : [];
  const rows = images.filter((file) => !stray.includes(file)).map((file) => draftRow(file, maskOf.get(file) ?? null, hasClasses));
  const strays = stray.map(({ place }) => problem(place, "it lies beside the class folders", "move it into the folder of its class"));
  return { rows, problems: [...strays, ...foreignFormats(files), ...problems], warnings: ignoredFiles([...files, ...maskFiles]) };
}

function name(place: FilePlace, prefix: string): Named {
  return { place, stem: place.path.slice(prefix.length).replace(IMAGE, "") };
}

function draftRow({ place, stem }: Named, mask: FilePlace | null, hasClasses: boolean): DraftRow {
  const label = hasClasses ? stem.slice(0, stem.indexOf("/")) : null;
  return { where: place.path, id: stem, image: place, mask, label, group: null, source: null, weight: 1 };
}

/** Every mask must belong to one image, and every image have one mask at most: a pair that is guessed would train unseen. */
function pairMasks(images: readonly Named[], masks: readonly Named[]): { maskOf: Map<Named, FilePlace>; problems: Problem[] } {
  const byStem = groupBy(images, ({ stem }) => stem);
  const byName = groupBy(images, ({ stem }) => stem.slice(stem.lastIndexOf("/") + 1));
  const maskOf = new Map<Named, FilePlace>();
  const problems: Problem[] = [];
  for (const { place, stem } of masks) {
    const base = stem.replace(MASK_SUFFIX, "");
    const owners = byStem.get(stem) ?? byStem.get(base) ?? (stem.includes("/") ? undefined : (byName.get(stem) ?? byName.get(base))) ?? [];
    const [owner] = owners;
    if (owner === undefined) problems.push(problem(place, "this mask belongs to no image", "give it the name of its image"));
    else if (owners.length > 1)
      problems.push(problem(place, `this mask fits ${owners.length} images`, "put masks into folders like those of the images"));
    else if (maskOf.has(owner))
      problems.push(problem(place, `its image ${owner.place.path} has another mask already`, "merge the masks of an image into one"));
    else maskOf.set(owner, place);
  }
  return { maskOf, problems };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function problem({ path }: FilePlace, what: string, remedy: string): Problem {
  return { where: path, id: null, what, remedy };
}

function foreignFormats(files: readonly FilePlace[]): Problem[] {
  return files
    .filter(({ path }) => OTHER_IMAGE.test(path))
    .map((place) => problem(place, "this format is not read", "save it as PNG, JPEG or WebP"));
}

function ignoredFiles(files: readonly FilePlace[]): string[] {
  const ignored = files.filter(({ path }) => !IMAGE.test(path) && !OTHER_IMAGE.test(path)).map(({ path }) => path);
  if (ignored.length === 0) return [];
  const shown = ignored.slice(0, 3).join(", ");
  return [
    `${ignored.length} file${ignored.length === 1 ? " is no image and is" : "s are no images and are"} ignored: ${shown}${ignored.length > 3 ? ", …" : ""}`,
  ];
}
