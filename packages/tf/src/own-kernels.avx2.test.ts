import { ownKernelTests } from "./own-kernels.case.ts";

await ownKernelTests({ instructionSet: "avx2", threads: 3 });
