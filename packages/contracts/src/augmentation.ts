// What happens to the images of training before the network meets them. The defaults are those of nnU-Net v2 for 2-D images
// (nnUNetTrainer.get_training_transforms), whose order is kept too; packages/dataset/src/augment/ does the work.
import { z } from "zod";

const enabled = z.boolean().default(true).describe("false switches it off");
const share = (value: number, what: string) => z.number().min(0).max(1).default(value).describe(what);
const OF_IMAGES = "share of the images it happens to";

/** A group of settings that may be left out, wholly or in part; what is left out has its default. */
function transform<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, { error: objectSuchAs("{ enabled: false }") });
}
const objectSuchAs = (example: string) => (issue: { code: string }) =>
  issue.code === "invalid_type" ? `expected an object such as ${example}` : undefined;

const mirror = transform({
  enabled,
  probability: share(0.5, "share of the images it happens to, left-right and top-bottom drawn apart"),
  horizontal: z.boolean().default(true).describe("left and right may be exchanged"),
  vertical: z.boolean().default(true).describe("top and bottom may be exchanged"),
});
const rotation = transform({
  enabled,
  probability: share(0.2, OF_IMAGES),
  maxDegrees: z.number().min(0).max(180).default(180).describe("drawn evenly from as many degrees one way to as many the other"),
});
const scaling = transform({
  enabled,
  probability: share(0.2, OF_IMAGES),
  minFactor: z.number().min(0.1).max(10).default(0.7).describe("below 1 what is in the image becomes larger"),
  maxFactor: z.number().min(0.1).max(10).default(1.4).describe("above 1 it becomes smaller, inside a border of the mean colour"),
});
const gaussianNoise = transform({
  enabled,
  probability: share(0.1, OF_IMAGES),
  maxSd: z.number().min(0).max(10).default(0.1).describe("of the added noise, in standard deviations of the images; drawn evenly from 0"),
});
const gaussianBlur = transform({
  enabled,
  probability: share(0.2, OF_IMAGES),
  channelProbability: share(0.5, "share of the colour channels of such an image it happens to"),
  minSigmaPixels: z.number().min(0.1).max(20).default(0.5).describe("smallest standard deviation, pixels of the network input"),
  maxSigmaPixels: z.number().min(0.1).max(20).default(1).describe("largest standard deviation, pixels of the network input"),
});
const factors = (what: string) => ({
  minFactor: z.number().min(0).max(10).default(0.75).describe(`smallest factor of ${what}; half of the draws are below 1`),
  maxFactor: z.number().min(0).max(10).default(1.25).describe(`largest factor of ${what}; half of the draws are above 1`),
});
const brightness = transform({ enabled, probability: share(0.15, OF_IMAGES), ...factors("a channel's normalised values") });
const contrast = transform({ enabled, probability: share(0.15, OF_IMAGES), ...factors("a channel's distance from its mean") });
const lowResolution = transform({
  enabled,
  probability: share(0.25, OF_IMAGES),
  channelProbability: share(0.5, "share of the colour channels of such an image it happens to"),
  minZoom: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.5)
    .describe("smallest size it is reduced to before it is enlarged again, as a share of the side"),
  maxZoom: z.number().min(0.01).max(1).default(1).describe("largest size it is reduced to"),
});
const gamma = transform({
  enabled,
  probability: share(0.3, OF_IMAGES),
  invertedProbability: share(0.1, "share of the images it happens to as negatives, drawn apart"),
  minExponent: z.number().min(0.1).max(10).default(0.7).describe("smallest exponent; half of the draws are below 1"),
  maxExponent: z.number().min(0.1).max(10).default(1.5).describe("largest exponent; half of the draws are above 1"),
});

export const augmentationSettingsSchema = z.strictObject(
  {
    mirror: mirror.prefault({}).describe("exchanges the sides of image and mask"),
    rotation: rotation.prefault({}).describe("turns image and mask about their middle"),
    scaling: scaling.prefault({}).describe("makes image and mask larger or smaller"),
    gaussianNoise: gaussianNoise.prefault({}).describe("adds to each pixel of each channel by itself"),
    gaussianBlur: gaussianBlur.prefault({}).describe("each chosen channel by draws of its own, across and down"),
    brightness: brightness.prefault({}).describe("multiplies each channel by a draw of its own"),
    contrast: contrast.prefault({}).describe("spreads each channel by a draw of its own, within the range it has"),
    lowResolution: lowResolution.prefault({}).describe("makes chosen channels coarser"),
    gamma: gamma.prefault({}).describe("raises each channel to a power of its own; its mean and spread stay"),
  },
  { error: objectSuchAs("{ rotation: { maxDegrees: 30 } }") },
);
/** Every setting of every transform, in force or not. */
export type AugmentationSettings = z.output<typeof augmentationSettingsSchema>;

export const AUGMENTATION_NAMES = ["default", "mirror", "none"] as const;

export const augmentationSchema = z
  .union([z.enum(AUGMENTATION_NAMES), augmentationSettingsSchema])
  .default("default")
  .describe(
    "default: nnU-Net's for 2-D images; mirror: only that part of it; none; or an object with the parts that differ from the default, such as { rotation: { maxDegrees: 30 }, gamma: { enabled: false } }",
  );
export type AugmentationConfig = z.output<typeof augmentationSchema>;

/** The concrete settings behind a name or an object. */
export function resolveAugmentation(config: AugmentationConfig): AugmentationSettings {
  if (typeof config === "object") return config;
  const settings = augmentationSettingsSchema.parse({});
  if (config === "default") return settings;
  const kept = (name: string): boolean => config === "mirror" && name === "mirror";
  const entries = Object.entries(settings).map(([name, values]) => [name, { ...values, enabled: kept(name) }]);
  return Object.fromEntries(entries) as AugmentationSettings;
}

type Setting = readonly [path: string, value: number];

/** Pairs of settings, by their paths in a sweep file, of which the first may not be above the second. A name has none. */
export function augmentationRanges(config: AugmentationConfig): { min: Setting; max: Setting }[] {
  if (typeof config !== "object") return [];
  const range = (name: string, what: string, min: number, max: number): { min: Setting; max: Setting } => ({
    min: [`train.augment.${name}.min${what}`, min],
    max: [`train.augment.${name}.max${what}`, max],
  });
  return [
    range("scaling", "Factor", config.scaling.minFactor, config.scaling.maxFactor),
    range("gaussianBlur", "SigmaPixels", config.gaussianBlur.minSigmaPixels, config.gaussianBlur.maxSigmaPixels),
    range("brightness", "Factor", config.brightness.minFactor, config.brightness.maxFactor),
    range("contrast", "Factor", config.contrast.minFactor, config.contrast.maxFactor),
    range("lowResolution", "Zoom", config.lowResolution.minZoom, config.lowResolution.maxZoom),
    range("gamma", "Exponent", config.gamma.minExponent, config.gamma.maxExponent),
  ];
}
