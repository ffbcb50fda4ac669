// Checking one row: its files are found, read and decoded in full, its mask fits its image, its label is known.
import { SaphenaError, nearest } from "@saphena/contracts";
import type { DatasetRecord, ImageFile, ManifestRow } from "@saphena/contracts";
import { sha256 } from "../canonical-json.ts";
import { inspectImage } from "../decode/image.ts";
import { inspectMask } from "../decode/mask.ts";
import type { DraftRow, FilePlace } from "./draft.ts";
import type { FileReader } from "./file-reader.ts";
import type { Problem } from "./problem.ts";

export interface RowRules {
  /** undefined = any label is welcome. */
  readonly labels: readonly string[] | undefined;
  readonly merge: Readonly<Record<string, string>>;
  readonly maskClasses: DatasetRecord["maskClasses"];
  readonly reader: FileReader;
}

export interface CheckedRow {
  /** null when there are problems. */
  readonly sound: { readonly row: ManifestRow; readonly files: readonly (readonly [sha256: string, path: string])[] } | null;
  readonly problems: readonly Problem[];
}

type Complaint = Pick<Problem, "what" | "remedy">;

/** Finds every problem of the row, not just the first. */
export async function checkRow(draft: DraftRow, rules: RowRules): Promise<CheckedRow> {
  const label = draft.label !== null && Object.hasOwn(rules.merge, draft.label) ? rules.merge[draft.label]! : draft.label;
  const image = await checkFile(draft.image, inspectImage, rules.reader);
  const mask = draft.mask === null ? null : await checkFile(draft.mask, (bytes) => inspectMask(bytes, rules.maskClasses), rules.reader);
  const complaints = [...labelComplaint(label, rules.labels), ...complaintOf(image), ...complaintOf(mask), ...sizeComplaint(image, mask)];
  if (complaints.length > 0 || !("file" in image)) {
    return { sound: null, problems: complaints.map((complaint) => ({ where: draft.where, id: draft.id, ...complaint })) };
  }
  const files = [image, mask].flatMap((found) => (found !== null && "file" in found ? [[found.file.sha256, found.path] as const] : []));
  const { id, source, weight } = draft;
  const maskFile = mask !== null && "file" in mask ? mask.file : null;
  return {
    sound: { row: { id, image: image.file, mask: maskFile, label, group: draft.group ?? id, source, weight }, files },
    problems: [],
  };
}

function labelComplaint(label: string | null, labels: readonly string[] | undefined): Complaint[] {
  if (label === null || labels === undefined || labels.includes(label)) return [];
  const close = nearest(label, labels);
  const remedy = close === undefined ? `the labels are ${labels.join(", ")}` : `did you mean ${close}?`;
  return [{ what: `the label ${JSON.stringify(label)} is not listed`, remedy }];
}

type CheckedFile = { readonly file: ImageFile; readonly path: string } | Complaint;

function complaintOf(checked: CheckedFile | null): Complaint[] {
  return checked !== null && "what" in checked ? [checked] : [];
}

function sizeComplaint(image: CheckedFile, mask: CheckedFile | null): Complaint[] {
  if (mask === null || !("file" in image) || !("file" in mask)) return [];
  if (image.file.width === mask.file.width && image.file.height === mask.file.height) return [];
  const size = ({ width, height }: ImageFile): string => `${width}×${height}`;
  return [{ what: `the mask is ${size(mask.file)} pixels`, remedy: `its image, after EXIF orientation, is ${size(image.file)}` }];
}

type Inspect = (bytes: Uint8Array) => Promise<Pick<ImageFile, "width" | "height" | "format">>;

async function checkFile({ root, path }: FilePlace, inspect: Inspect, reader: FileReader): Promise<CheckedFile> {
  const found = await reader.locate(root, path);
  if (found.kind === "missing") return { what: `there is no file ${path}`, remedy: "paths are relative to the manifest" };
  if (found.kind === "folder") return { what: `${path} is a folder`, remedy: "name a file" };
  if (found.kind === "outside") return { what: `${path} leads out of the dataset's folder`, remedy: "move the file into it" };
  let bytes: Uint8Array;
  try {
    bytes = await reader.read(found.path);
  } catch (error) {
    const { code = "unknown error" } = error as { code?: string };
    return { what: `${path} cannot be read (${code})`, remedy: "check that the file may be read" };
  }
  try {
    const { width, height, format } = await inspect(bytes);
    return { file: { sha256: sha256(bytes), sizeBytes: bytes.length, width, height, format }, path: found.path };
  } catch (error) {
    if (!(error instanceof SaphenaError)) throw error;
    return { what: `${path}: ${error.message}`, remedy: error.hint };
  }
}
