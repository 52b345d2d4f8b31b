// What is set before a training: its look, model, length and clip, and the button that starts it.

import { find, say } from "./elements.js";
import { Form } from "./form.js";
import { SoundField } from "./uploads.js";
import { whole } from "./words.js";

const WAIT = 250; // milliseconds after the last change until the studio checks the settings

/** The panel for a chosen picture. */
export class StartPanel {
  #place = find("#start");
  #form = null;
  #sound;
  #picture = null;
  #timer = 0;

  /**
   * @param {object} listeners  `check` gets {settings, picture}; `start` gets {settings, picture,
   *   sound} and returns whether it was sent; `cancel` nothing; `changed` the settings
   */
  constructor({ check, start, cancel, changed }) {
    this.oncheck = check;
    this.onstart = start;
    this.onchanged = changed;
    this.#sound = new SoundField(find(".sound", this.#place), () => this.#changed());
    this.#place.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    find(".cancel", this.#place).addEventListener("click", cancel);
  }

  /** Build the form, with the settings of before. */
  build(choices, settings) {
    this.#form = new Form(find(".fields", this.#place), choices, "video", {
      changed: () => this.#changed(),
    });
    this.#form.values = settings;
  }

  /** Show this panel for a picture {id, name, width, height}, or hide it with null. */
  show(picture) {
    this.#place.hidden = !picture;
    if (picture && picture !== this.#picture) {
      find("h2", this.#place).textContent = picture.name;
      const size = `${whole(picture.width)} × ${whole(picture.height)} pixels`;
      find(".note", this.#place).textContent = picture.alpha
        ? `${size}. MP4 stores no transparency: what is transparent becomes white, or the background.`
        : size;
      this.report(null);
      this.#picture = picture;
      this.#ask();
    }
    this.#picture = picture;
  }

  /** Use a sound file for the clip. */
  sound(file) {
    return this.#sound.take(file);
  }

  /** Ask the studio again, after a connection was lost. */
  refresh() {
    if (this.#picture) this.#ask();
  }

  /** Show the error of a check or of a start, or that there is none. */
  report(error) {
    const beside = error && this.#form?.report(error);
    say(find(".foot .wrong", this.#place), beside ? null : error);
  }

  #changed() {
    this.#form?.rebase();
    this.onchanged(this.#form?.values ?? {});
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), WAIT);
  }

  #ask() {
    if (!this.#form?.check() || !this.#picture) return;
    this.report(null);
    const { values: settings } = this.#form;
    this.oncheck({ settings, picture: this.#picture.id, sound: this.#sound.id });
  }

  #start() {
    if (!this.#form || !this.#picture) return;
    if (!this.#form.check()) return this.#form.focusWrong();
    clearTimeout(this.#timer);
    const { id } = this.#picture;
    const sent = this.onstart({ settings: this.#form.values, picture: id, sound: this.#sound.id });
    if (!sent) this.report("the studio does not answer: try again in a moment");
  }
}
