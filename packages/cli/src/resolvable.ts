// citty lets a part of a command be a value, a promise or a function that gives either.

export async function resolved<T>(part: T | Promise<T> | (() => T) | (() => Promise<T>)): Promise<T> {
  return typeof part === "function" ? await (part as () => T | Promise<T>)() : await part;
}
