// The command line that makes the same, and a button that copies it.

import { find, say } from "./elements.js";

const THANKS = 1600; // milliseconds

/** Shows one or more lines of a shell. */
export class CommandLine {
  #place = find("#command");
  #lines = [];
  #timer = 0;

  constructor() {
    find("button", this.#place).addEventListener("click", () => this.#copy());
  }

  /** Show these lines; without any, the place is hidden. */
  show(lines) {
    this.#place.hidden = !lines.length;
    const text = lines.join("\n");
    if (text === this.#lines.join("\n")) return;
    this.#lines = lines;
    find("pre", this.#place).textContent = text;
  }

  async #copy() {
    const button = find("button", this.#place);
    try {
      await navigator.clipboard.writeText(this.#lines.join("\n"));
      button.textContent = "Copied";
    } catch {
      // A page that is not of this computer may not write to the clipboard: the person can.
      getSelection().selectAllChildren(find("pre", this.#place));
      button.textContent = "Selected";
    }
    say(find("#announcement"), button.textContent);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (button.textContent = "Copy"), THANKS);
  }
}
