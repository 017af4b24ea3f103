export interface CodeBlock {
  /** Of its first line of code, counted from 1. */
  line: number;
  code: string;
  /** False for a fence that says `ts no-run`. */
  run: boolean;
  /** The `text` block directly after it: what the code prints. */
  output: string | undefined;
}

interface Fence {
  line: number;
  info: string;
  body: string[];
  closes: number;
}

/** The TypeScript blocks of a Markdown text, each with the output it promises. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const lines = markdown.split('\n');
  const fences = allFences(lines);
  return fences.flatMap((fence, index): CodeBlock[] => {
    const [language, ...words] = fence.info.split(/\s+/);
    if (language !== 'ts') return [];
    const next = fences[index + 1];
    const follows = next?.info === 'text' && lines.slice(fence.closes + 1, next.line - 1).every((line) => line.trim() === '');
    const output = follows ? next.body.join('\n') : undefined;
    return [{ line: fence.line + 1, code: fence.body.join('\n'), run: !words.includes('no-run'), output }];
  });
}

function allFences(lines: readonly string[]): Fence[] {
  const fences: Fence[] = [];
  let open: { fence: Fence; indent: string; marks: string } | undefined;
  for (const [index, line] of lines.entries()) {
    if (open === undefined) {
      const [, indent = '', marks = '', info = ''] = /^(\s*)(`{3,})\s*([^`]*?)\s*$/.exec(line) ?? [];
      if (marks !== '') open = { fence: { line: index + 1, info, body: [], closes: 0 }, indent, marks };
    } else if (line.trim() === open.marks) {
      fences.push({ ...open.fence, closes: index });
      open = undefined;
    } else {
      open.fence.body.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    }
  }
  if (open !== undefined) throw new Error(`the code block of line ${open.fence.line} is never closed`);
  return fences;
}

/** Whether a program printed what was promised. `…` stands for anything within a line, alone in a line for any lines. */
export function outputPattern(promised: string): RegExp {
  const escaped = promised.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = escaped.replace(/^[ \t]*…[ \t]*$/gm, '[^]*?').replaceAll('…', '.*?');
  return new RegExp(`^${pattern}$`);
}
