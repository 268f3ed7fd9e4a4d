// A button at each block of code that copies it.
const SIGNS = {
  copy: '<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>',
  done: '<path d="m5 12 5 5L20 7"/>',
};
const sign = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor">${SIGNS[name]}</svg>`;

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const place = document.createElement("textarea"); // a page that no secure connection brought
  place.value = text;
  document.body.append(place);
  place.select();
  document.execCommand("copy");
  place.remove();
}

for (const code of document.querySelectorAll(".bd-article div.highlight")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-code";
  const say = (name, words) => {
    button.innerHTML = sign(name);
    button.title = words;
    button.setAttribute("aria-label", words);
  };
  say("copy", "Copy the code");
  button.addEventListener("click", async () => {
    await copyText(code.querySelector("pre").textContent).then(
      () => say("done", "Copied"),
      () => say("copy", "The browser does not let the page copy"),
    );
    setTimeout(() => say("copy", "Copy the code"), 2000);
  });
  code.append(button);
}
