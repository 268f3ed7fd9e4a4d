// Formulas as MathML, which browsers show without a script: a JSON list of [tex, display] comes in, a list of texts
// goes out. Only TeX's own mathematics is on: no \href, \style or \require.
const fs = require("fs");
const path = require("path");

const packages = ["base", "ams", "newcommand", "noerrors", "noundefined"];
const options = {
  loader: { load: ["input/tex-base", "[tex]/ams", "[tex]/newcommand", "[tex]/noerrors", "[tex]/noundefined"] },
  tex: { packages, maxBuffer: 20480, maxMacros: 1000 },
};
require(path.join(process.argv[2], "mathjax"))
  .init(options)
  .then((MathJax) => {
    const formulas = JSON.parse(fs.readFileSync(0, "utf-8"));
    const convert = ([tex, display]) => {
      try {
        return MathJax.tex2mml(tex, { display });
      } catch {
        return "";
      }
    };
    process.stdout.write(JSON.stringify(formulas.map(convert)));
  });
