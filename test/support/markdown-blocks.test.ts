import { expect, it } from 'vitest';
import { codeBlocks, outputPattern } from './markdown-blocks.js';

const page = `# Page
\`\`\`ts
console.log('a');
\`\`\`

\`\`\`text
a
\`\`\`

Words between.
1. In a list:
   \`\`\`ts no-run
   if (x) {
     y();
   }
   \`\`\`
   Words, so not its output:
   \`\`\`text
   b
   \`\`\`
\`\`\`bash
npm start
\`\`\`
\`\`\`\`ts
const fence = \`
\`\`\`
\`;
\`\`\`\``;

it('finds the TypeScript blocks with their lines and promised output', () => {
  expect(codeBlocks(page)).toEqual([
    { line: 3, code: `console.log('a');`, run: true, output: 'a' },
    { line: 13, code: 'if (x) {\n  y();\n}', run: false, output: undefined },
    { line: 25, code: 'const fence = `\n```\n`;', run: true, output: undefined },
  ]);
});

it('does not take the rest of a page for code', () => {
  expect(() => codeBlocks('text\n```ts\nconst a = 1;')).toThrow('line 2');
});

it('matches output with its varying parts left open', () => {
  const pattern = outputPattern('hit in … ms (L1)\n  …\ndone.\n');
  expect('hit in 0.2 ms (L1)\nmore\nand more\ndone.').toMatch(pattern);
  expect('hit in 0.2\n ms (L1)\nx\ndone.').not.toMatch(pattern);
  expect('hit in 0.2 ms (L1)\nx\ndone!').not.toMatch(pattern);
  expect('and hit in 0.2 ms (L1)\nx\ndone.').not.toMatch(pattern);
});
