import { ownKernelTests } from "./own-kernels.case.ts";

await ownKernelTests({ threads: 1 });
