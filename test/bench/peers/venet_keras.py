"""VENet and its losses in Keras 3 on TensorFlow; the description and the names are those of venet_torch.py."""
import keras
import tensorflow as tf
from keras import layers

LEAKY_SLOPE = 0.01
HIDDEN_UNITS = 64
DICE_SMOOTH = 1e-5


def block(x, filters, stride=1):
    if stride == 2:  # Keras pads a strided convolution below and right only; the network's padding is above and left
        x = layers.ZeroPadding2D(((1, 0), (1, 0)))(x)
    padding = "valid" if stride == 2 else "same"
    x = layers.Conv2D(filters, 3, strides=stride, padding=padding, use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.LeakyReLU(negative_slope=LEAKY_SLOPE)(x)


def build_venet(size, base, depth, classes, mask_classes, max_filters=480, channels=3):
    """A model from images [n, size, size, channels] to class logits and a list by level of mask logits [n, h, w, mask_classes]."""
    filters = [min(base * 2**level, max_filters) for level in range(depth + 1)]
    x = images = keras.Input((size, size, channels))
    skips = []
    for level in range(depth):
        x = block(block(x, filters[level], 1 if level == 0 else 2), filters[level])
        skips.append(x)
    pooled = layers.GlobalAveragePooling2D()(block(x, filters[depth]))
    hidden = layers.LeakyReLU(negative_slope=LEAKY_SLOPE)(layers.Dense(HIDDEN_UNITS)(pooled))
    class_logits = layers.Dense(classes)(hidden)
    masks = []
    for level in reversed(range(depth - 1)):
        up = layers.Conv2DTranspose(filters[level], 2, strides=2)(x)
        x = layers.Concatenate()([up, skips[level]])
        x = block(block(x, filters[level]), filters[level])
        if level > 0:
            masks.append(layers.Conv2D(mask_classes, 1)(x))
    for _ in range(3):
        x = block(x, filters[0])
    masks.append(layers.Conv2D(mask_classes, 1)(x))
    return keras.Model(images, [class_logits, *masks[::-1]])


def venet_loss(outputs, labels, masks, class_weight=0.5, segmentation_weight=1.0):
    """For a batch whose samples all have a label and a mask and weigh the same: labels [n], masks [n, h, w] of int32."""
    class_logits, *levels = outputs
    loss = class_weight * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, class_logits))
    raw = [2.0**-level for level in range(len(levels))]
    for level, logits in enumerate(levels):
        target = masks[:, :: 2**level, :: 2**level]
        loss += segmentation_weight * raw[level] / sum(raw) * mask_loss(logits, target)
    return loss


def mask_loss(logits, target):
    cross_entropy = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits))
    truth = tf.one_hot(target, logits.shape[-1])[..., 1:]
    probabilities = tf.nn.softmax(logits)[..., 1:]
    overlap = tf.reduce_sum(probabilities * truth, axis=(0, 1, 2))
    mass = tf.reduce_sum(probabilities, axis=(0, 1, 2)) + tf.reduce_sum(truth, axis=(0, 1, 2))
    return cross_entropy + 1 - tf.reduce_mean((2 * overlap + DICE_SMOOTH) / (mass + DICE_SMOOTH))
