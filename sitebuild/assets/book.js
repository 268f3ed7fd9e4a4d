// Paper cannot be clicked: open everything folded before printing, and close it again afterwards.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((fold) => (fold.open = true));
});
window.addEventListener("afterprint", () => {
  opened.forEach((fold) => (fold.open = false));
  opened = [];
});
