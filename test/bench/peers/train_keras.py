"""One training step of VENet in Keras 3 on TensorFlow: median time, images a second and peak memory, as one line of JSON.

The same step as train_torch.py's, traced into a graph by tf.function; the loss is read back after every step.
"""
import os

from bench_options import GRADES, MASK_CLASSES, WARM_UP_STEPS, measure, peak_rss_mb, print_figures, read_options

MODES = {"graph": "tf.function", "xla": "tf.function, compiled by XLA"}
options = read_options(__doc__.splitlines()[0], MODES)
os.environ["KERAS_BACKEND"] = "tensorflow"  # all of these are read when TensorFlow is loaded
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_NUM_INTRAOP_THREADS"] = str(options.threads)
os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from venet_keras import build_venet, venet_loss  # noqa: E402

WEIGHT_DECAY = 3e-5


def main():
    rss_after_import_mb = peak_rss_mb()
    keras.utils.set_random_seed(1)
    net = build_venet(options.size, options.base, options.depth, GRADES, MASK_CLASSES)
    parameters = sum(int(np.prod(variable.shape)) for variable in net.trainable_variables)
    if options.parameters:
        return print_figures(parameters=parameters)
    optimizer = keras.optimizers.SGD(learning_rate=0.01, momentum=0.99, nesterov=True)
    optimizer.build(net.trainable_variables)

    @tf.function(jit_compile=options.mode == "xla")
    def graph_step(images, labels, masks):
        with tf.GradientTape() as tape:
            loss = venet_loss(net(images, training=True), labels, masks)
        variables = [variable.value for variable in net.trainable_variables]
        # Keras's own weight_decay is AdamW's kind; SGD's is added to the gradient.
        gradients = [gradient + WEIGHT_DECAY * value for gradient, value in zip(tape.gradient(loss, variables), variables)]
        optimizer.apply(gradients, net.trainable_variables)
        return loss

    def train_step(batch):
        return float(graph_step(*batch))

    figures = measure(options, noise_batches(), train_step)
    print_figures(peer="keras", mode=options.mode, version=f"{keras.__version__} on {tf.__version__}", threads=options.threads,
                  parameters=parameters, rssAfterImportMb=rss_after_import_mb, **figures)


def noise_batches():
    """As in train_torch.py, in numpy and NHWC."""
    size, batch = options.size, options.batch
    count = batch * (WARM_UP_STEPS + options.steps)
    draw = np.random.default_rng(1)
    images = draw.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    masks = np.zeros((count, size, size), dtype=np.uint8)
    masks[:, :, : size // 2] = 1
    labels = (np.arange(count) % GRADES).astype(np.int32)
    mean = images.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    sd = images.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    order = draw.permutation(count)

    def fill(step):
        chosen = order[step * batch : (step + 1) * batch]
        x, target = images[chosen], masks[chosen]
        for axis in (1, 2):
            mirrored = draw.random(batch) < 0.5
            x[mirrored] = np.flip(x[mirrored], axis)
            target[mirrored] = np.flip(target[mirrored], axis)
        return (x - mean) / sd, labels[chosen], target.astype(np.int32)

    return fill


main()
