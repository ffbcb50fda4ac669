"""One training step of VENet in PyTorch: median time, images a second and peak memory, as one line of JSON.

The counterpart of `npm run -s bench -- train`: noise images drawn from a packed dataset, mirrored at random and normalised; forward,
backward, SGD with Nesterov momentum; the loss read back (`.item()`) after every step, as training loops that print it do.
"""
import os

from bench_options import GRADES, MASK_CLASSES, WARM_UP_STEPS, cuda_libraries_mb, measure, peak_rss_mb, print_figures, read_options

MODES = {
    "channels-last": "eager, NHWC in memory",
    "nchw": "eager, PyTorch's default layout",
    "compile": "torch.compile, NHWC in memory",
}
options = read_options(__doc__.splitlines()[0], MODES)
os.environ["OMP_NUM_THREADS"] = str(options.threads)  # read when torch is loaded

import torch  # noqa: E402
from venet_torch import VENet, parameter_count, venet_loss  # noqa: E402


def main():
    rss_after_import_mb = peak_rss_mb()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    layout = torch.contiguous_format if options.mode == "nchw" else torch.channels_last
    net = VENet(options.base, options.depth, GRADES, MASK_CLASSES).to(memory_format=layout)
    if options.parameters:
        return print_figures(parameters=parameter_count(net))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.99, nesterov=True, weight_decay=3e-5, fused=True)

    def loss_of(images, batch):
        return venet_loss(*net(images), batch)

    forward = torch.compile(loss_of) if options.mode == "compile" else loss_of

    def train_step(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(batch["images"], batch)
        loss.backward()
        optimizer.step()
        return loss.item()

    figures = measure(options, noise_batches(layout), train_step)
    print_figures(peer="torch", mode=options.mode, version=torch.__version__, threads=torch.get_num_threads(),
                  parameters=parameter_count(net), rssAfterImportMb=rss_after_import_mb, cudaLibrariesMb=cuda_libraries_mb(), **figures)


def noise_batches(layout):
    """A packed dataset of noise with a grade and a half-filled mask each, and a function that makes a batch of it."""
    size, batch = options.size, options.batch
    count = batch * (WARM_UP_STEPS + options.steps)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8).to(memory_format=layout)
    masks = torch.zeros(count, size, size, dtype=torch.uint8)
    masks[:, :, : size // 2] = 1
    labels = torch.arange(count) % GRADES
    mean = images.float().mean(dim=(0, 2, 3)).view(1, 3, 1, 1)
    sd = images.float().std(dim=(0, 2, 3)).view(1, 3, 1, 1)
    order = torch.randperm(count)

    def fill(step):
        chosen = order[step * batch : (step + 1) * batch]
        x, target = images[chosen], masks[chosen]
        for axis in (-1, -2):
            mirrored = (torch.rand(batch) < 0.5).nonzero().flatten()
            x[mirrored] = x[mirrored].flip(axis)
            target[mirrored] = target[mirrored].flip(axis)
        x = ((x - mean) / sd).contiguous(memory_format=layout)
        return dict(images=x, labels=labels[chosen], masks=target.long(), has_mask=torch.ones(batch), weights=torch.ones(batch))

    return fill


main()
