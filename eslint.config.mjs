import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["_build/", ".venv/", ".cache/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "no-unused-expressions": "error" },
  },
  { files: ["mibook/**/*.mjs", "sitebuild/**/*.{js,mjs}"], languageOptions: { globals: globals.browser } },
  { files: ["sitebuild/assets/*.js"], languageOptions: { sourceType: "script", globals: { Search: "writable" } } },
  { files: ["tests/**/*.mjs", "{grading,sitebuild}/**/*.cjs", "*.mjs"], languageOptions: { globals: globals.node } },
];
