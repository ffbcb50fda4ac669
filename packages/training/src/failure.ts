// What a thrown value means for a run: memory that ran out is worth one more try on another machine, so it gets its own code.
import { SaphenaError } from "@saphena/contracts";

/** How TensorFlow, its allocators, C++ and V8 say that there is no memory left. */
const OUT_OF_MEMORY =
  /\bOOM\b|resource.?exhausted|bad_alloc|failed to allocate|cannot allocate memory|array buffer allocation failed|out of memory/i;

/** Any thrown value as an error with a registered code; registered errors stay as they are. */
export function trainingFailure(thrown: unknown): SaphenaError {
  if (thrown instanceof SaphenaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (OUT_OF_MEMORY.test(message)) return new SaphenaError("OUT_OF_MEMORY", message, { cause: thrown });
  return SaphenaError.from(thrown);
}
