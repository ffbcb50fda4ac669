// What the CUDA variant of the engine downloads, pinned by version and sha256: TensorFlow's wheel for NVIDIA GPUs and the libraries of
// its `and-cuda` extra. Everything unpacks into one tree, in which the libraries find one another by paths relative to themselves.
//
// The libraries are those of CUDA 12.8 with cuDNN 9.10: inside the ranges that the extra allows, and from the time when both still ran
// on Pascal and Volta and already on Blackwell. cuRAND, the twelfth of the extra, is loaded by nothing in the tree.
import { TENSORFLOW_VERSION } from "./pins.mjs";

/** NVIDIA's minimum for every CUDA 12.x on Linux. */
export const CUDA_DRIVER_FLOOR = "525.60.13";

const wheel = (project, version, file, sha256, sizeBytes, members) => ({
  project,
  version,
  file,
  sha256,
  sizeBytes,
  // The first of the tags that the file name lists.
  platformTag: /-(manylinux\w+)\./.exec(file)?.[1],
  pythonVersion: "3.11",
  /** Paths below `nvidia/`. */
  members,
});

/** Keys as in pins.mjs. TensorFlow publishes no CUDA wheel for ARM. */
export const CUDA_TENSORFLOW_WHEELS = {
  "linux-x64": {
    project: "tensorflow",
    version: TENSORFLOW_VERSION,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
    sizeBytes: 572_440_367,
    platformTag: "manylinux_2_27_x86_64",
    pythonVersion: "3.11",
  },
};

export const CUDA_LIBRARY_WHEELS = [
  wheel(
    "nvidia-cuda-runtime-cu12",
    "12.8.90",
    "nvidia_cuda_runtime_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90",
    954_765,
    ["cuda_runtime/lib/libcudart.so.12"],
  ),
  wheel(
    "nvidia-cublas-cu12",
    "12.8.4.1",
    "nvidia_cublas_cu12-12.8.4.1-py3-none-manylinux_2_27_x86_64.whl",
    "8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142",
    594_346_921,
    ["cublas/lib/libcublas.so.12", "cublas/lib/libcublasLt.so.12"],
  ),
  wheel(
    "nvidia-cudnn-cu12",
    "9.10.2.21",
    "nvidia_cudnn_cu12-9.10.2.21-py3-none-manylinux_2_27_x86_64.whl",
    "949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8",
    706_758_467,
    ["", "_adv", "_cnn", "_engines_precompiled", "_engines_runtime_compiled", "_graph", "_heuristic", "_ops"].map(
      (part) => `cudnn/lib/libcudnn${part}.so.9`,
    ),
  ),
  wheel(
    "nvidia-cufft-cu12",
    "11.3.3.83",
    "nvidia_cufft_cu12-11.3.3.83-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74",
    193_118_695,
    ["cufft/lib/libcufft.so.11"],
  ),
  wheel(
    "nvidia-cusparse-cu12",
    "12.5.8.93",
    "nvidia_cusparse_cu12-12.5.8.93-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b",
    288_216_466,
    ["cusparse/lib/libcusparse.so.12"],
  ),
  wheel(
    "nvidia-cusolver-cu12",
    "11.7.3.90",
    "nvidia_cusolver_cu12-11.7.3.90-py3-none-manylinux_2_27_x86_64.whl",
    "4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450",
    267_506_905,
    ["cusolver/lib/libcusolver.so.11"],
  ),
  // The one before, cuSPARSE and cuFFT load it.
  wheel(
    "nvidia-nvjitlink-cu12",
    "12.8.93",
    "nvidia_nvjitlink_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    "81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88",
    39_254_836,
    ["nvjitlink/lib/libnvJitLink.so.12"],
  ),
  // cuDNN compiles some of its kernels with it.
  wheel(
    "nvidia-cuda-nvrtc-cu12",
    "12.8.93",
    "nvidia_cuda_nvrtc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    "a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994",
    88_040_029,
    ["cuda_nvrtc/lib/libnvrtc.so.12", "cuda_nvrtc/lib/libnvrtc-builtins.so.12.8"],
  ),
  // For several GPUs in one process, which no trainer uses; kept because nobody has seen TensorFlow start on a GPU without it.
  wheel(
    "nvidia-nccl-cu12",
    "2.27.7",
    "nvidia_nccl_cu12-2.27.7-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa",
    322_546_339,
    ["nccl/lib/libnccl.so.2"],
  ),
  // TensorFlow's profiler.
  wheel(
    "nvidia-cuda-cupti-cu12",
    "12.8.90",
    "nvidia_cuda_cupti_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
    10_248_621,
    ["cuda_cupti/lib/libcupti.so.12"],
  ),
  // The assembler and the bitcode for kernels that TensorFlow makes at run time.
  wheel(
    "nvidia-cuda-nvcc-cu12",
    "12.8.93",
    "nvidia_cuda_nvcc_cu12-12.8.93-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    "2d6dc36fb7cb5ac9c0b8825bc13d193c35487a315664007287d0126531238011",
    40_128_098,
    ["cuda_nvcc/bin/ptxas", "cuda_nvcc/nvvm/libdevice/libdevice.10.bc"],
  ),
];

/** Paths of the shared libraries, relative to the folder that holds `tensorflow/` and `nvidia/`. */
export const CUDA_LIBRARIES = CUDA_LIBRARY_WHEELS.flatMap(({ members }) => members)
  .filter((path) => path.includes(".so."))
  .map((path) => `nvidia/${path}`);
