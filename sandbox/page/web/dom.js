// Building and updating the page's nodes. Text becomes text nodes; nothing here builds HTML.

export const $ = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  back: "M15 5l-7 7 7 7", close: "M6 6l12 12M18 6L6 18", send: "M4 12l16-8-6 16-3-7z",
  clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7L9.3 17a1.6 1.6 0 0 1-2.3-2.3L15 7",
  forward: "M14 6l6 5-6 5v-3.5c-5 0-8 1.5-10 5 .5-6 4-9 10-9z",
  reply: "M5 5h14v10h-8l-4 4v-4H5z", more: "M12 6v.01M12 12v.01M12 18v.01",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z", flow: "M5 5h6v6H5zM13 13h6v6h-6zM11 8h5v5",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z", at: "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zm0 0v2a2.5 2.5 0 0 0 5 0v-2a9 9 0 1 0-4 7.5",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
  shared: "M3 12l6-7 6 7-6 7zM13 7.5L15.5 5l6 7-6 7-2.5-3",
  hash: "M9 4L7 20M17 4l-2 16M4 9h16M4 15h16",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  play: "M7 5l12 7-12 7z", pause: "M8 5v14M16 5v14", stop: "M6 6h12v12H6z", next: "M6 5l9 7-9 7zM18 5v14",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  file: "M6 3h8l4 4v14H6zM14 3v5h4", check: "M5 12l5 5 9-10", add: "M12 5v14M5 12h14",
  react: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14a4 4 0 0 0 7 0M9 9.5h.01M15 9.5h.01",
};
// A drawing of shapes ([tag, attributes]) that says nothing by itself: what it stands beside has the words.
export function svg(shapes) {
  const node = document.importNode($("drawing").content.firstElementChild, true);
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(node.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    node.append(shape);
  }
  return node;
}

export function icon(name) {
  const node = svg([["path", { d: PATHS[name] }]]);
  node.setAttribute("class", `icon icon-${name}`);
  return node;
}

// A live region speaks when its text is set, so only set what is new.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const signatures = new WeakMap(); // what a node was built from

// Make the list's children those of `items` ([key, signature, build]); what is the same stays, with its
// focus and selection. Where what had the focus is gone, its item has it.
export function sync(list, items) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const [wanted, within] = [focused?.dataset.focus, focused?.closest("[data-key]")?.dataset.key];
  let place = list.firstElementChild;
  for (const [key, signature, build] of items) {
    let node = old.get(key);
    if (!node || signatures.get(node) !== signature) {
      const fresh = build();
      fresh.dataset.key = key;
      signatures.set(fresh, signature);
      if (node === place) place = place?.nextElementSibling ?? null;
      node?.remove();
      node = fresh;
    }
    old.delete(key);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  if (!focused || list.contains(document.activeElement)) return;
  const item = within && list.querySelector(`[data-key="${CSS.escape(within)}"]`);
  (sameControl(item, wanted) ?? item ?? sameControl(list, wanted))?.focus();
}

// The control with that key; a block that was drawn again may have got another id, which stands before the slash.
function sameControl(box, key) {
  if (!box || !key) return null;
  const all = [...box.querySelectorAll("[data-focus]")].map((node) => [node, node.dataset.focus]);
  const ending = key.slice(key.indexOf("/"));
  const found = all.find(([, it]) => it === key) ?? (key.includes("/") && all.find(([, it]) => it.endsWith(ending)));
  return found ? found[0] : null;
}

// Keep Tab and Shift+Tab within `box`.
export function trapFocus(box, event) {
  if (event.key !== "Tab") return;
  const all = [...box.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']")];
  const usable = all.filter((node) => !node.disabled && node.offsetParent !== null);
  if (!usable.length) return;
  const [first, last] = [usable[0], usable.at(-1)];
  if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last.focus(); }
  else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
}

let toastTimer = null;
export function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}
