// The list of what was made, with pictures of it.

import { element, find } from "./elements.js";
import { addressOf } from "./files.js";
import { decibels, stem, when, whole } from "./words.js";

/** Show the trainings in the folder; `open` is called with the id of one. */
export function showMade(items, { open, running, shown }) {
  const place = find("#made");
  place.hidden = !items.length;
  const link = find("#to-made");
  link.hidden = !items.length;
  find(".count", link).textContent = items.length;
  const list = find("ul", place);
  const key = JSON.stringify([items, running, shown]);
  if (list.dataset.key === key) return;
  const focused = list.contains(document.activeElement)
    ? document.activeElement.dataset.focus
    : null;
  list.dataset.key = key;
  list.replaceChildren(...items.map((item) => card(item, { open, running, shown })));
  if (focused) find(`[data-focus="${CSS.escape(focused)}"]`, list)?.focus();
}

function card(item, { open, running, shown }) {
  const name = stem(item.title);
  const facts = [
    item.state === "interrupted" ? "not finished" : null,
    item.steps ? `${whole(item.steps)} steps` : null,
    Number.isFinite(item.psnr) ? decibels(item.psnr) : null,
  ]
    .filter(Boolean)
    .join(" · ");
  const picture = element("img", {
    src: `made/${encodeURIComponent(item.id)}/thumbnail`,
    alt: "",
    loading: "lazy",
    decoding: "async",
  });
  picture.addEventListener("error", () => picture.remove()); // nothing to see yet
  const clip = item.files.find(({ kind }) => kind === "clip");
  return element(
    "li",
    { class: item.id === shown ? "shown" : null },
    element(
      "button",
      {
        type: "button",
        class: "open",
        disabled: running,
        "data-focus": `open ${item.id}`,
        "aria-label": `Open ${name}, ${facts}`,
        title: running ? "A training is running" : null,
        onclick: () => open(item.id),
      },
      element("span", { class: "frame" }, picture),
    ),
    element(
      "div",
      { class: "label" },
      element("strong", {}, name),
      element("small", {}, facts),
      element("small", {}, when(item.when)),
      clip
        ? element(
            "a",
            {
              href: `${addressOf(item, clip)}?download`,
              download: clip.name,
              "data-focus": `clip ${item.id}`,
              "aria-label": `Download the clip of ${name}`,
            },
            "Download the clip",
          )
        : null,
    ),
  );
}
