import { expect, test } from "vitest";
import { defaultWorkers } from "./default-workers.ts";

const machine = { cores: 16, gpus: 0, visibleDevices: null, slotsPerDevice: 1 };

test("without a GPU, workers leave half of the CPUs free and are at most four", () => {
  expect([1, 2, 3, 6, 64].map((cores) => defaultWorkers({ ...machine, cores }))).toEqual([1, 1, 1, 3, 4]);
  expect(defaultWorkers({ ...machine, slotsPerDevice: 8 })).toBe(4);
});

test("with GPUs there is one worker for each slot of those that may be used", () => {
  expect(defaultWorkers({ ...machine, gpus: 2 })).toBe(2);
  expect(defaultWorkers({ ...machine, gpus: 2, slotsPerDevice: 3 })).toBe(6);
  expect(defaultWorkers({ ...machine, gpus: 4, visibleDevices: "1,GPU-5c1d", slotsPerDevice: 2 })).toBe(4);
  expect(defaultWorkers({ ...machine, gpus: 1, visibleDevices: "0,1" })).toBe(1);
});

test("hidden GPUs are none", () => {
  for (const visibleDevices of ["", "-1"]) expect(defaultWorkers({ ...machine, gpus: 2, visibleDevices })).toBe(4);
});
