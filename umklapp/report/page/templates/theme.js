"use strict";
(() => {
  let remembered = null;
  try { remembered = localStorage.getItem("umklapp-theme"); } catch { /* not allowed for files */ }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = remembered || (dark ? "dark" : "light");
})();
