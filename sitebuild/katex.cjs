// Sets formulas for as long as its input lasts: a JSON line [tex, display] comes in, a JSON line {html} or {error} goes out.
const path = require("path");
const readline = require("readline");

const katex = require(path.join(process.argv[2], "katex"));

function set([tex, displayMode]) {
  try {
    return { html: katex.renderToString(tex, { displayMode, strict: "error", throwOnError: true }) };
  } catch (error) {
    return { error: error.message };
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(JSON.stringify(set(JSON.parse(line))) + "\n");
});
