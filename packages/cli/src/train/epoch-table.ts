// The table of epochs that grows while a run trains: its columns are the names of the first epoch's points.
import type { EpochPoints } from "@saphena/contracts";

/** A head line before the first epoch, then one line an epoch. */
export class EpochTable {
  private names: string[] | null = null;
  private widths: number[] = [];

  lines({ epoch, values }: EpochPoints): string[] {
    const lines: string[] = [];
    if (this.names === null) {
      this.names = Object.keys(values);
      this.widths = this.names.map((name) => Math.max(8, name.length));
      lines.push(this.line("EPOCH", this.names));
    }
    const cells = this.names.map((name) => (values[name] === undefined ? "-" : formatValue(values[name])));
    return [...lines, this.line(String(epoch), cells)];
  }

  private line(first: string, cells: readonly string[]): string {
    return [first.padStart(5), ...cells.map((cell, index) => cell.padStart(this.widths[index]!))].join("  ");
  }
}

function formatValue(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(1) : Math.abs(value) >= 1e-3 ? value.toFixed(4) : value.toExponential(2);
}
