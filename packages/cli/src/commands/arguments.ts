// Arguments that several commands share, worded once.
export const sweepArgument = {
  type: "positional",
  required: true,
  description: "id of a sweep, the beginning of it, its name, or `latest`",
} as const;
export const jsonFlag = { type: "boolean", description: "print JSON" } as const;
export const watchFlag = { type: "boolean", description: "show progress until the sweep is final; Ctrl-C only stops watching" } as const;
export const datasetArgument = {
  type: "positional",
  required: true,
  description: "name (highest version), name@version or name@hash",
} as const;
