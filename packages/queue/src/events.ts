// Events as text. They are checked when written: a reader that met a bad one could never get past it.
import { SaphenaError, outcomeEventSchema, pointsEventSchema } from "@saphena/contracts";
import type { OutcomeEvent, PointsEvent } from "@saphena/contracts";

export function encodeOutcome(event: OutcomeEvent): string {
  const checked = outcomeEventSchema.safeParse(event);
  if (!checked.success) throw new SaphenaError("INTERNAL", `a ${event.type} event is not valid: ${checked.error.message}`);
  return JSON.stringify(event);
}

export function encodePoints(event: PointsEvent): string {
  const checked = pointsEventSchema.safeParse(event);
  if (!checked.success) throw new SaphenaError("INTERNAL", `the points of an epoch are not valid: ${checked.error.message}`);
  return JSON.stringify(event);
}
