// A training in figures, and what can be changed about it while it runs.

import { element, find, findAll, say } from "./elements.js";
import { clock, decibels, percent, stem, whole } from "./words.js";

const RUNNING = ["preparing", "training", "paused", "filming"];
const TITLES = {
  preparing: "Getting ready",
  training: "Learning",
  paused: "Paused",
  filming: "Making the film",
  done: "Done",
  interrupted: "Stopped before its end",
  failed: "It failed",
};

/** Whether a training goes on, or waits in the middle. */
export const isRunning = ({ phase }) => RUNNING.includes(phase);

/** The title of the tab, and what is said when the phase changes. */
export function summary(state, name) {
  const phase = TITLES[state.phase];
  if (!phase) return { tab: "neuralpaint studio", said: "" };
  const part = percent(state.done ?? 0);
  const tab = {
    training: `${part} ${name}`,
    filming: `${part} ${name}`,
    paused: `Paused at ${part} · ${name}`,
  }[state.phase];
  return { tab: tab ?? `${phase} · ${name}`, said: `${phase}: ${name}` };
}

/** The panel of the training on the stage. */
export class TrainingPanel {
  #place = find("#training");
  #state = null;
  #edited = false; // the length, by the person and not yet sent

  /**
   * @param {(message: object) => void} send  sends one message to the studio
   * @param {() => void} again  shows the settings of this training
   */
  constructor(send, again) {
    this.send = send;
    this.#on("pause", () => this.toggle());
    this.#on("stop", () => send({ do: "stop" }));
    this.#on("resume", () => send({ do: "resume", made: this.#state.made }));
    this.#on("again", again);
    for (const button of findAll("[data-rate]", this.#place)) {
      button.addEventListener("click", () =>
        send({ do: "rate", factor: Number(button.dataset.rate) }),
      );
    }
    const length = find("#length", this.#place);
    length.addEventListener("input", () => {
      this.#edited = true;
      say(find("#length-wrong"), null);
    });
    length.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#edited = false;
      this.#length();
    });
    find(".length", this.#place).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#setLength(length.value.trim());
    });
  }

  /** Pause a training that runs, let one that waits go on. */
  toggle() {
    if (this.#state?.mode === "watch") return;
    if (this.#state?.phase === "training") this.send({ do: "pause" });
    else if (this.#state?.phase === "paused") this.send({ do: "go" });
  }

  /** Show a state, or hide the panel with null; `again` says whether its settings are known. */
  show(state, { again = false } = {}) {
    this.#place.hidden = !state;
    this.#state = state;
    if (!state) return;
    const { phase, mode, done = 0, left } = state;
    const running = isRunning(state);
    const owned = mode !== "watch";
    find("h2", this.#place).textContent = TITLES[phase] ?? "";
    find(".what", this.#place).textContent = [stem(state.title ?? ""), state.learning]
      .filter(Boolean)
      .join(" · ");
    find(".done", this.#place).hidden = !running;
    find(".percent", this.#place).textContent = percent(done);
    find(".left", this.#place).textContent = Number.isFinite(left) ? `${clock(left)} left` : "";
    const bar = find("progress", this.#place);
    bar.hidden = !running;
    if (phase === "preparing") bar.removeAttribute("value");
    else bar.value = done;
    this.#figures(state);
    say(find(".message", this.#place), state.message);
    // What went wrong with a file that was made of it is said where that is made.
    say(find(":scope > .wrong", this.#place), phase === "failed" ? state.error : null);
    this.#button(
      "pause",
      owned && (phase === "training" || phase === "paused"),
      phase === "paused" ? "Go on" : "Pause",
    );
    this.#button("stop", owned && running);
    this.#button("resume", owned && phase === "interrupted" && state.made);
    this.#button("again", owned && again && !running);
    const change = find(".change", this.#place);
    change.hidden = !owned || !["training", "paused"].includes(phase);
    find(".rate", this.#place).textContent = `× ${Number((state.rate ?? 1).toPrecision(3))}`;
    this.#length();
  }

  /** Show an error about the length. */
  reportLength(message) {
    say(find("#length-wrong"), message);
  }

  #figures({ step, steps, psnr, loss, seconds }) {
    const rows = [
      ["Step", steps ? `${whole(step)} of ${whole(steps)}` : whole(step ?? 0)],
      ["PSNR", decibels(psnr)],
      ["Loss", Number.isFinite(loss) ? loss.toPrecision(3) : null],
      ["Trained", Number.isFinite(seconds) ? clock(seconds) : null],
    ].filter(([, value]) => value !== null);
    const list = find(".figures", this.#place);
    if (list.children.length !== rows.length) {
      list.replaceChildren(...rows.map(() => element("div", {}, element("dt"), element("dd"))));
    }
    rows.forEach(([name, value], i) => {
      const [term, text] = list.children[i].children;
      term.textContent = name;
      text.textContent = value;
    });
  }

  #length() {
    const input = find("#length", this.#place);
    if (!this.#edited) input.value = this.#state?.steps ?? "";
  }

  #setLength(text) {
    if (!/^\d+$/.test(text) || Number(text) < 1) {
      return this.reportLength(`the length must be a whole number of steps, not '${text}'`);
    }
    this.#edited = false;
    this.reportLength(null);
    this.send({ do: "steps", steps: Number(text) });
  }

  #button(name, shown, text) {
    const button = find(`[data-do=${name}]`, this.#place);
    button.hidden = !shown;
    if (text) button.textContent = text;
  }

  #on(name, listener) {
    find(`[data-do=${name}]`, this.#place).addEventListener("click", listener);
  }
}
