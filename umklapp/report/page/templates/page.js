"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const table = byId("materials"), body = table.tBodies[0], rows = [...body.rows];

  const paint = (theme) => { document.documentElement.dataset.theme = theme; };
  byId("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    paint(theme);
    try { localStorage.setItem("umklapp-theme", theme); } catch { /* a page opened from a file may not remember */ }
  });

  const valueOf = (row, column, numeric) => {
    const text = row.cells[column].dataset.value || "";
    if (!numeric) return text.toLowerCase();
    return text === "" ? null : Number(text);
  };
  const sort = (head, direction) => {
    const column = head.cellIndex, numeric = head.dataset.kind === "number";
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((one, other) => {
      const a = valueOf(one, column, numeric), b = valueOf(other, column, numeric);
      if (a === b) return 0;
      if (a === null || a === "") return 1;
      if (b === null || b === "") return -1;
      return (a < b ? -1 : 1) * sign;
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction);
    body.append(...rows);
  };
  for (const head of table.tHead.rows[0].cells) {
    const button = head.querySelector("button");
    if (button) button.addEventListener("click", () =>
      sort(head, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending"));
  }

  const order = byId("order");
  for (const head of table.tHead.rows[0].cells) {
    const button = head.querySelector("button");
    if (button) order.add(new Option(button.querySelector("span").textContent, head.cellIndex));
  }
  order.value = table.tHead.querySelector("[aria-sort]").cellIndex;
  order.addEventListener("input", () =>
    sort(table.tHead.rows[0].cells[Number(order.value)], "ascending"));

  const filter = () => {
    const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const level = byId("level").value;
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const shown = (!level || row.dataset.level === level) && words.every((word) => text.includes(word));
      row.hidden = !shown;
      count += shown;
    }
    byId("shown").textContent = `${count} of ${rows.length} materials`;
  };
  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());

  const title = document.title;
  const neighbour = (link, row, before, after) => {
    if (!row) return;
    link.hidden = false;
    link.href = `#${row.dataset.key}`;
    link.textContent = `${before}${row.dataset.key}${after}`;
  };
  const open = () => {
    const key = decodeURIComponent(location.hash.slice(1));
    const template = byId(`of-${key}`), page = byId("page");
    if (!template) {
      page.replaceChildren();
      page.hidden = true;
      byId("overview").hidden = false;
      document.title = title;
      return;
    }
    page.replaceChildren(template.content.cloneNode(true));
    const visible = rows.filter((row) => !row.hidden);
    const place = visible.findIndex((row) => row.dataset.key === key);
    if (place >= 0) {
      neighbour(page.querySelector(".previous"), visible[place - 1], "← ", "");
      neighbour(page.querySelector(".next"), visible[place + 1], "", " →");
    }
    byId("overview").hidden = true;
    page.hidden = false;
    document.title = `${key}: ${title}`;
    scrollTo({ top: 0, behavior: "instant" });
    page.querySelector("#title").focus({ preventScroll: true });
  };
  addEventListener("hashchange", open);

  // Paper cannot be unfolded: everything is printed open, and folded again afterwards.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of folded) part.open = false; });
  open();
})();
