// The files of a training: to look at and to download.

import { element, find, findAll } from "./elements.js";
import { bytes } from "./words.js";

const WORDS = {
  clip: "Clip",
  still: "Still",
  page: "Page",
  take: "Take: the whole training",
  painting: "Painting: the network",
  picture: "The picture",
};
const ITSELF = ["take", "painting", "picture"]; // what the others are made from
const VIDEOS = [".mp4", ".webm"];
const IMAGES = [".gif", ".webp", ".apng", ".png", ".jpg", ".jpeg", ".avif"];

const suffix = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();

/** The address of a file of a training. */
export const addressOf = (item, file) =>
  `made/${encodeURIComponent(item.id)}/${encodeURIComponent(file.name)}`;

/** Show the files of a training in the panel, or hide them with null. */
export function showFiles(item) {
  const place = find("#files");
  place.hidden = !item?.files.length;
  const key = JSON.stringify([item?.id, item?.files]);
  if (place.dataset.key === key) return;
  place.dataset.key = key; // rows that are the same keep the focus
  const files = item?.files ?? [];
  const [outputs, itself] = findAll("ul", place);
  outputs.replaceChildren(
    ...files.filter(({ kind }) => !ITSELF.includes(kind)).map((file) => row(item, file)),
  );
  itself.replaceChildren(
    ...files.filter(({ kind }) => ITSELF.includes(kind)).map((file) => row(item, file)),
  );
  find("details", place).hidden = !itself.children.length;
}

function row(item, file) {
  return element(
    "li",
    {},
    element(
      "div",
      {},
      element("span", { class: "name" }, file.name),
      element("small", {}, `${WORDS[file.kind] ?? file.kind}, ${bytes(file.bytes)}`),
    ),
    previews(file)
      ? element(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-label": `Show ${file.name}`,
            onclick: () => preview(item, file),
          },
          "Show",
        )
      : null,
    file.kind === "page"
      ? element(
          "a",
          { class: "button quiet", href: addressOf(item, file), target: "_blank", rel: "noopener" },
          "Open",
        )
      : null,
    element(
      "a",
      {
        class: "button",
        href: `${addressOf(item, file)}?download`,
        download: file.name,
        "aria-label": `Download ${file.name}`,
      },
      "Download",
    ),
  );
}

const previews = ({ name, kind }) =>
  kind !== "picture" && [...VIDEOS, ...IMAGES].includes(suffix(name));

function preview(item, file) {
  const dialog = find("#preview");
  const address = addressOf(item, file);
  find("h2", dialog).textContent = file.name;
  const shown = VIDEOS.includes(suffix(file.name))
    ? element("video", {
        src: address,
        controls: true,
        autoplay: true,
        loop: true,
        playsinline: true,
      })
    : element("img", { src: address, alt: `${file.name}, made from ${item.title}` });
  find(".content", dialog).replaceChildren(shown);
  find("a", dialog).href = `${address}?download`;
  find("a", dialog).download = file.name;
  find("button", dialog).onclick = () => dialog.close();
  dialog.onclose = () => find(".content", dialog).replaceChildren(); // a film stops
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
}
