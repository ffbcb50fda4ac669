// Pieces of Markdown that the reference pages are made of.

/** A page with the note that it is made, so that nobody edits it by hand. */
export function page(title: string, body: string): string {
  return `<!-- Made by \`npm run docs\`; edit the source it is made from. -->\n\n# ${title}\n\n${body.trim()}\n`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

export const code = (value: unknown): string => `\`${String(value)}\``;

/** `a`, `b` or `c` */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
