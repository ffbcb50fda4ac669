"""VENet and its losses in PyTorch, as the description of the network says: what the benchmarks compare with.

Written for speed as an experienced user would write it; `packages/venet` holds the TypeScript of the same network.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

LEAKY_SLOPE = 0.01
HIDDEN_UNITS = 64
DICE_SMOOTH = 1e-5


class Block(nn.Module):
    """3x3 convolution without bias, batch norm, LeakyReLU."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.1)
        self.activation = nn.LeakyReLU(LEAKY_SLOPE, inplace=True)

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class UpBlock(nn.Module):
    """Transposed convolution, the skip connection beside it, two blocks."""

    def __init__(self, below, filters):
        super().__init__()
        self.up = nn.ConvTranspose2d(below, filters, 2, stride=2)
        self.blocks = nn.Sequential(Block(2 * filters, filters), Block(filters, filters))

    def forward(self, x, skip):
        return self.blocks(torch.cat([self.up(x), skip], dim=1))


class VENet(nn.Module):
    """Logits of the grade [n, classes] and of the masks, a list by level r of [n, mask_classes, h / 2^r, w / 2^r]."""

    def __init__(self, base, depth, classes, mask_classes, max_filters=480, channels=3):
        super().__init__()
        filters = [min(base * 2**level, max_filters) for level in range(depth + 1)]
        inputs = [channels, *filters]
        self.encoder = nn.ModuleList(
            nn.Sequential(Block(inputs[level], filters[level], 1 if level == 0 else 2), Block(filters[level], filters[level])) for level in range(depth)
        )
        self.class_head = nn.Sequential(
            Block(filters[depth - 1], filters[depth]),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(filters[depth], HIDDEN_UNITS),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(HIDDEN_UNITS, classes),
        )
        self.decoder = nn.ModuleList(UpBlock(filters[level + 1], filters[level]) for level in range(depth - 1))
        self.supervision = nn.ModuleList(nn.Conv2d(filters[level], mask_classes, 1) for level in range(1, depth - 1))
        self.mask_head = nn.Sequential(*(Block(filters[0], filters[0]) for _ in range(3)), nn.Conv2d(filters[0], mask_classes, 1))
        self.apply(initialise)

    def forward(self, x):
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        class_logits = self.class_head(x)
        masks = []
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](x, skips[level])
            if level > 0 and self.training:
                masks.append(self.supervision[level - 1](x))
        masks.append(self.mask_head(x))
        return class_logits, masks[::-1]


def initialise(module):
    """He's, with the slope of the LeakyReLU; each output pixel of a transposed convolution sees one input pixel."""
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=math.sqrt(2 / ((1 + LEAKY_SLOPE**2) * module.in_channels)))
    elif isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, a=LEAKY_SLOPE)
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) and module.bias is not None:
        nn.init.zeros_(module.bias)


def parameter_count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def venet_loss(class_logits, masks, batch, class_weight=0.5, segmentation_weight=1.0):
    """class_weight * CE + segmentation_weight * sum over levels of w_r * (CE_r + Dice_r), w_r = 2^-r scaled to sum 1.

    The batch holds labels [n] (-1 = missing), masks [n, h, w] of classes, has_mask [n] and weights [n].
    """
    class_shares = batch["weights"] * (batch["labels"] >= 0)
    per_sample = F.cross_entropy(class_logits, batch["labels"].clamp(min=0), reduction="none")
    loss = class_weight * (class_shares * per_sample).sum() / class_shares.sum().clamp(min=1e-12)

    shares = batch["weights"] * batch["has_mask"]
    if shares.sum() == 0:
        return loss
    level_weights = torch.tensor([2.0**-level for level in range(len(masks))])
    for level, weight in enumerate((level_weights / level_weights.sum()).tolist()):
        target = batch["masks"][:, :: 2**level, :: 2**level]
        loss = loss + segmentation_weight * weight * mask_loss(masks[level], target, shares)
    return loss


def mask_loss(logits, target, shares):
    """Cross-entropy plus 1 - Dice, whose sums are pooled over the batch and averaged over the foreground classes."""
    log_probabilities = F.log_softmax(logits, dim=1)
    cross_entropy = F.nll_loss(log_probabilities, target, reduction="none").mean(dim=(1, 2))
    probabilities = log_probabilities.exp()
    dice = 0
    foreground = range(1, logits.shape[1])
    for mask_class in foreground:
        truth = (target == mask_class).to(logits.dtype)
        p = probabilities[:, mask_class]
        overlap = ((p * truth).sum(dim=(1, 2)) * shares).sum()
        mass = ((p.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))) * shares).sum()
        dice = dice + (2 * overlap + DICE_SMOOTH) / (mass + DICE_SMOOTH)
    return (shares * cross_entropy).sum() / shares.sum() + 1 - dice / len(foreground)
