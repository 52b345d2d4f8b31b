// Clips, stills and pages of a recorded training: what they are made with, and how far they are.

import { element, find, findAll, say } from "./elements.js";
import { addressOf } from "./files.js";
import { Form } from "./form.js";
import { SoundField } from "./uploads.js";
import { percent } from "./words.js";

const WAIT = 250; // milliseconds after the last change until the studio checks the settings
const KINDS = {
  film: { suffixes: "clip", without: ["Still"], button: "Make the clip", about: "" },
  still: {
    suffixes: "still",
    without: ["Clip", "at"],
    button: "Make the still",
    about: "Of the moment on the timeline.",
  },
  page: {
    button: "Make the page",
    about: "One file that plays the training in any browser, without a network.",
  },
};

/** The panel that makes files of the training on the stage. */
export class MakingPanel {
  #place = find("#make");
  #forms = {};
  #choices = null;
  #sound;
  #made = null;
  #fraction = 1;
  #awaited = null; // the name of a file that is being made
  #timer = 0;

  /**
   * @param {object} listeners  `make` and `check` get a message; `cancel` nothing
   */
  constructor({ make, check, cancel }) {
    this.onmake = make;
    this.oncheck = check;
    this.#sound = new SoundField(find(".sound", this.#place), () => this.#changed());
    for (const radio of findAll("[name=making]", this.#place)) {
      radio.addEventListener("change", () => this.#choose());
    }
    find("#suffix").addEventListener("change", () => this.#changed());
    find("form", this.#place).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    find(".job button", this.#place).addEventListener("click", cancel);
  }

  /** Build the forms. */
  build(choices) {
    this.#choices = choices;
    this.#choose();
  }

  /** Show the panel for an item that was made, and what is being made of it; null hides it. */
  show(item, job) {
    const made = item?.id ?? null;
    this.#place.hidden = made === null;
    const place = find(".job", this.#place);
    place.hidden = !job;
    find("[type=submit]", this.#place).disabled = Boolean(job);
    if (job) {
      find("p", place).textContent = `${job.name} · ${percent(job.done)}`;
      find("progress", place).value = job.done;
    }
    if (made !== this.#made) {
      this.report(null);
      this.#awaited = null;
    }
    this.#made = made;
    this.#announce(item, job);
  }

  /** The moment of a still. */
  set fraction(fraction) {
    if (fraction === this.#fraction) return;
    this.#fraction = fraction;
    if (this.#kind === "still" && this.#made) this.#changed();
  }

  /** Show an error of the studio. */
  report(error) {
    const beside = error && this.#forms[this.#kind]?.report(error);
    say(find("form > .wrong", this.#place), beside ? null : error);
  }

  // The list of files may be out of sight, so what is ready is linked where it was asked for.
  #announce(item, job) {
    const place = find(".ready", this.#place);
    if (job || !item) place.replaceChildren();
    if (job) this.#awaited = job.name;
    const file = item?.files.find(({ name }) => name === this.#awaited);
    if (job || !file) return;
    this.#awaited = null;
    const href = `${addressOf(item, file)}?download`;
    place.append(
      `${file.name} is ready. `,
      element("a", { href, download: file.name }, "Download it"),
    );
  }

  get #kind() {
    return findAll("[name=making]", this.#place).find(({ checked }) => checked).value;
  }

  get #message() {
    const kind = this.#kind;
    if (kind === "page") return { do: "page", made: this.#made };
    const settings = { ...this.#forms[kind].values };
    // A still shows the moment on the timeline; the last one needs no words.
    if (kind === "still" && this.#fraction < 1)
      settings.at ??= `${Number((this.#fraction * 100).toFixed(1))}%`;
    const message = { do: kind, made: this.#made, suffix: find("#suffix").value, settings };
    return kind === "film" ? { ...message, sound: this.#sound.id } : message;
  }

  #choose() {
    if (!this.#choices) return;
    const { suffixes, without, button, about } = KINDS[this.#kind];
    const place = find(".fields", this.#place);
    place.replaceChildren();
    find(".suffix", this.#place).hidden = !suffixes;
    find(".sound", this.#place).hidden = this.#kind !== "film";
    find("#suffix").replaceChildren(
      ...(this.#choices.suffixes[suffixes] ?? []).map((value) =>
        element("option", { value }, value.slice(1)),
      ),
    );
    if (without) {
      const base = this.#kind === "film" ? "as recorded" : null;
      const before = this.#forms[this.#kind]?.values ?? {};
      const form = new Form(place, this.#choices, "render", {
        base,
        without,
        changed: () => this.#changed(),
      });
      form.values = before;
      this.#forms[this.#kind] = form;
    }
    find("[type=submit]", this.#place).textContent = button;
    say(find(".about", this.#place), about);
    if (this.#made) this.#changed();
  }

  #changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), WAIT);
  }

  #ask() {
    const form = this.#forms[this.#kind];
    const kind = this.#kind;
    if (!this.#made || (kind !== "page" && !form?.check())) return;
    this.report(null);
    const { made, suffix = null, settings = {}, sound = null } = this.#message;
    this.oncheck({ command: kind, made, suffix, settings, sound });
  }

  #make() {
    if (!this.#made) return;
    const form = this.#forms[this.#kind];
    if (this.#kind !== "page" && !form.check()) return form.focusWrong();
    this.report(null);
    if (!this.onmake(this.#message))
      this.report("the studio does not answer: try again in a moment");
  }
}
