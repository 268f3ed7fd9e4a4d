// Formulas as MathML, which browsers show without a script: a JSON list of [tex, display] comes in, a list of texts
// goes out. Only TeX's own mathematics is on: no \href, \style or \require, and no package for definitions.
const fs = require("fs");
const path = require("path");

const packages = ["base", "ams", "noerrors", "noundefined"];
const options = {
  loader: { load: ["input/tex-base", "[tex]/ams", "[tex]/noerrors", "[tex]/noundefined"] },
  tex: { packages, maxBuffer: 20480, maxMacros: 1000 },
};
// What makes elements and attributes of the writer's choice; all but the first are not loaded, and must stay so.
const refused = /\\(?:mmlToken|href|class|cssId|style|data|unicode|require)(?![A-Za-z])/;
require(path.join(process.argv[2], "mathjax"))
  .init(options)
  .then((MathJax) => {
    const formulas = JSON.parse(fs.readFileSync(0, "utf-8"));
    const convert = ([tex, display]) => {
      if (refused.test(tex)) return "";
      try {
        // A new converter for each: what one formula defines (\DeclareMathOperator) must not change the next.
        MathJax.startup.getComponents();
        return MathJax.tex2mml(tex, { display });
      } catch {
        return "";
      }
    };
    process.stdout.write(JSON.stringify(formulas.map(convert)));
  });
