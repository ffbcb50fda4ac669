// Builders for operation attributes. The numbers are enums of TensorFlow's stable C API (TF_AttrType, TF_DataType).
import type { HalfType, OpAttribute } from "./native.ts";

export const FLOAT32 = 1;
export const INT32 = 3;
export const BFLOAT16 = 14;
export const FLOAT16 = 19;

export const stringAttribute = (name: string, value: string): OpAttribute => ({ name, type: 0, value });
export const intAttribute = (name: string, value: number): OpAttribute => ({ name, type: 1, value });
export const intsAttribute = (name: string, value: readonly number[]): OpAttribute => ({ name, type: 1, value });
export const floatAttribute = (name: string, value: number): OpAttribute => ({ name, type: 2, value });
export const booleanAttribute = (name: string, value: boolean): OpAttribute => ({ name, type: 3, value });
export const typeAttribute = (name: string, value: number): OpAttribute => ({ name, type: 4, value });
export const shapeAttribute = (name: string, value: readonly number[]): OpAttribute => ({ name, type: 5, value });

/** The half type that TensorFlow has under this number. */
export function halfTypeOf(number: number): HalfType | undefined {
  return number === BFLOAT16 ? "bfloat16" : number === FLOAT16 ? "float16" : undefined;
}
