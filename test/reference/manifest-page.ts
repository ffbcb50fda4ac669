// docs/manifest.md: what `saphena dataset import` reads. The columns are the importer's own; the rest says what it does with them.
import { MANIFEST_COLUMNS } from "@saphena/dataset";
import { code, page, table } from "./markdown.ts";

export function manifestPage(): string {
  const rows = Object.entries(MANIFEST_COLUMNS).map(([name, { required, what }]) => [code(name), required ? "**required**" : "", what]);
  return page(
    "The dataset manifest",
    `
\`saphena dataset import SRC --name NAME\` reads a manifest (\`.csv\`, \`.tsv\`, \`.jsonl\` or \`.ndjson\`, UTF-8) or a [folder](#a-folder-instead). Every file is opened and
decoded here first. Nothing is imported while a row or file is bad: all of them are listed, with what would be right; \`--skip-bad\` leaves them out and lists
them. Then only what the server does not have yet is sent, so an interrupted import goes on where it was.

\`\`\`csv
id,image,mask,label,group
p01-left,images/p01-left.jpg,masks/p01-left.png,C3,p01
p01-right,images/p01-right.jpg,,C4,p01
p02-left,images/p02-left.jpg,masks/p02-left.png,,p02
\`\`\`

${table(["column", "", "value"], rows)}

Columns are separated by comma, semicolon or tab, and may stand in any order; others are ignored with a warning. In JSON lines each line is an object with these
keys, \`null\` or absent = empty. Paths stay inside the manifest's folder: one that leads out of it is refused.

## What counts as missing

* **A missing mask is not an empty mask.** A row without a mask takes no part in the segmentation loss or its metrics. "Nothing to see here" is a mask of zeros.
* A row without a label takes no part in the classification loss or its metrics.
* A dataset without any label trains no class head, one without any mask no decoder; the sweep's objective must be one the dataset can supply.

## Images

PNG, JPEG or WebP. They are turned as their EXIF orientation says, laid over white where they are transparent, converted to sRGB, and resized to
\`model.inputSize\` (\`model.resize\`: \`stretch\` fills the square, \`fit\` keeps the aspect ratio and pads with white). Values are normalised per channel by mean and standard
deviation of the training part of the fold, never of the validation part.

## Masks

PNG only (JPEG changes pixel values), of the same width and height as their image after its EXIF orientation. They are resized by nearest neighbour, so
no value is made up.

* Without \`--mask-classes\`, every pixel that is neither black nor transparent is foreground.
* With \`--mask-classes lesion=128,ulcer=255\`, the grey value (or the index of a coloured palette) says the class; 0 is background, and any other value is refused.

## Labels

\`--labels mild,moderate,severe\` gives the labels in order of severity, and refuses any other. Without it they are the labels that occur, sorted (numbers by
size). \`--merge old=new\` treats one label as another and may be given several times; \`--labels\` names labels after merging.

## Groups

Rows of one group never stand on both sides of a split, nor do rows whose images have the same bytes. Without a group column every row is its own group: right
only if no patient appears twice. \`cv.groupBy\` in the [sweep file](sweep-file.md) chooses \`group\`, \`source\` or \`none\`.

## A folder instead

| layout | is read as |
|---|---|
| \`SRC/<class>/…/x.jpg\` | the first folder is the label |
| \`SRC/x.jpg\` | images without labels |
| \`SRC/images/…\` and \`SRC/masks/…\`, nothing else | one of the layouts above below \`images\`, with its masks below \`masks\` |

The mask of \`a/x.jpg\` is \`a/x.png\`, \`a/x_mask.png\` or \`a/x_segmentation.png\` in the folder of masks (\`--masks DIR\`, or \`masks\` as above), without the \`a/\` where only
one image has that name, or else \`a/x_mask.png\` beside the image. The id is the path without its extension. A mask that fits no image, or more than one, is refused. Folders have
no groups: write a manifest when a patient appears twice.

## Versions

A dataset is named by its content: the same rows and files have the same hash wherever they come from, whatever they are called and in whatever order. Importing other content
under the same name makes the next version. \`NAME\` is the highest version, \`NAME@VERSION\` and \`NAME@HASH\` are exact; a sweep keeps the hash.
`,
  );
}
