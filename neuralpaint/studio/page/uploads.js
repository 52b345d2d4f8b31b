// Files on their way to the studio: chosen, dropped or pasted pictures, and sounds.

import { element, find, newId, say } from "./elements.js";
import { clock } from "./words.js";

/** Send a file; `kind` is "picture" or "sound". Resolves to what the studio has read in it. */
export async function upload(kind, file) {
  let answer;
  try {
    answer = await fetch(`${kind}?name=${encodeURIComponent(file.name || `${kind}.png`)}`, {
      method: "POST",
      body: file,
    });
  } catch {
    throw new Error("the file did not arrive: the studio does not answer");
  }
  const read = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(read.error ?? `the file was refused (${answer.status})`);
  return read;
}

/** Call a function with each file that is dropped on the page, pasted into it, or chosen. */
export function receiveFiles(chooser, receive) {
  let depth = 0; // of the elements that the pointer has entered with a file
  const over = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => carries(event) && over(1));
  addEventListener("dragleave", (event) => carries(event) && over(-1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    over(0);
    if (event.dataTransfer.files[0]) receive(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    receive(file);
  });
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) receive(chooser.files[0]);
    chooser.value = ""; // the same file can be chosen again
  });
}

/** A field for the sound of a clip. */
export class SoundField {
  #sound = null;

  constructor(place, changed) {
    this.changed = changed;
    const id = newId();
    this.input = element("input", {
      type: "file",
      id,
      class: "unseen",
      accept: "audio/*,video/*",
      onchange: () => this.#chosen(),
    });
    this.text = element("span", { class: "note" });
    this.remove = element(
      "button",
      { type: "button", class: "quiet", hidden: true, onclick: () => this.#set(null) },
      "Remove",
    );
    this.wrong = element("p", { class: "wrong", role: "alert", hidden: true });
    place.append(
      element(
        "div",
        { class: "field" },
        element("label", { for: id }, "Sound"),
        element(
          "div",
          { class: "row" },
          this.input,
          element("label", { for: id, class: "button", "aria-hidden": "true" }, "Choose a file"),
          this.text,
          this.remove,
        ),
        this.wrong,
      ),
    );
  }

  /** The id of the sound, or null. */
  get id() {
    return this.#sound?.id ?? null;
  }

  async #chosen() {
    const file = this.input.files[0];
    this.input.value = "";
    if (file) await this.take(file);
  }

  /** Send a sound and use it. */
  async take(file) {
    say(this.wrong, null);
    this.text.textContent = "Reading it …";
    try {
      this.#set(await upload("sound", file));
    } catch (error) {
      this.#set(this.#sound);
      say(this.wrong, error.message);
    }
  }

  #set(sound) {
    this.#sound = sound;
    this.text.textContent = sound ? `${sound.name}, ${clock(sound.seconds)}` : "";
    this.remove.hidden = !sound;
    this.changed();
  }
}

/** Open the dialog of the system in which a file is chosen. */
export const chooseFile = () => find("#file").click();
