// The columns of a user's manifest: what the importer reads, and what docs/manifest.md says of them.

export const MANIFEST_COLUMNS = {
  id: { required: true, what: "name of the row, unique in the manifest, at most 256 characters" },
  image: { required: true, what: "path of the image, relative to the manifest: PNG, JPEG or WebP" },
  mask: { required: false, what: "path of its mask, relative to the manifest: PNG. Empty = there is no mask, which is not an empty mask" },
  label: { required: false, what: "its grade or class. Empty = not graded" },
  group: { required: false, what: "rows of a group (a patient, a limb) are never split over folds. Empty = a group of its own" },
  source: { required: false, what: "where it comes from (a clinic, a camera); `cv.groupBy: source` keeps a source together instead" },
  weight: { required: false, what: "a number above 0: how much the image counts in both losses. Empty = 1" },
} as const satisfies Record<string, { required: boolean; what: string }>;

export type ManifestColumn = keyof typeof MANIFEST_COLUMNS;
