"""The command line and the figures that the training benchmarks of all peers share."""
import argparse
import json
import resource
import statistics
import time

GRADES = 4
MASK_CLASSES = 2
WARM_UP_STEPS = 2  # the first steps pay for memory, for choosing kernels and for compiling


def read_options(description, modes):
    """modes: by name what each does; the first is the default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--mode", choices=list(modes), default=next(iter(modes)), help="; ".join(f"{name}: {text}" for name, text in modes.items()))
    parser.add_argument("--size", type=int, default=128, help="side of the input in pixels")
    parser.add_argument("--base", type=int, default=32, help="feature maps of the first level")
    parser.add_argument("--depth", type=int, default=5, help="levels of the encoder")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6, help=f"measured steps, after {WARM_UP_STEPS} to warm up")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parameters", action="store_true", help="print the network's parameter count and train nothing")
    return parser.parse_args()


def measure(options, fill_batch, train_step):
    """Runs the steps; fill_batch(i) gives a batch, train_step(batch) the loss as a Python float, which waits for the step."""
    steps, waits, loss = [], [], float("nan")
    for index in range(WARM_UP_STEPS + options.steps):
        began = time.perf_counter()
        batch = fill_batch(index)
        filled = time.perf_counter()
        loss = train_step(batch)
        steps.append(time.perf_counter() - began)
        waits.append(filled - began)
    steps, waits = steps[WARM_UP_STEPS:], waits[WARM_UP_STEPS:]
    median = statistics.median(steps)
    return dict(
        medianStepMs=round(1000 * median, 1),
        imagesPerSecond=round(options.batch / median, 2),
        rssMb=peak_rss_mb(),
        inputWaitShare=round(sum(waits) / sum(steps), 4),
        lastLoss=round(loss, 5),
    )


def peak_rss_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def cuda_libraries_mb():
    """Resident memory of the CUDA libraries, which PyTorch's wheel for Linux loads without a GPU, too, and its CPU build has not."""
    resident_kb, of_cuda = 0, False
    try:
        with open("/proc/self/smaps") as smaps:
            for line in smaps:
                if not line[0].isupper():  # the head of a mapping: address, rights, …, path
                    of_cuda = "/nvidia/" in line or "cuda" in line.rsplit("/", 1)[-1]
                elif of_cuda and line.startswith("Rss:"):
                    resident_kb += int(line.split()[1])
    except FileNotFoundError:  # not Linux: such wheels have no CUDA
        return 0
    return round(resident_kb / 1024)


def print_figures(**figures):
    print(json.dumps(figures))
