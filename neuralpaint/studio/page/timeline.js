// The timeline of a recorded training: drag through it, or play it.

import { find } from "./elements.js";
import { decibels, whole } from "./words.js";

const LENGTH = 8; // seconds of playing
const PATIENCE = 500; // milliseconds until a moment is sent although the one before was not drawn

/** A slider over the training, and a button that plays it. */
export class Timeline {
  #place = find("#timeline");
  #slider = find("input", this.#place);
  #steps = 0;
  #playing = 0; // the request of the next picture of the film
  #sent = 0; // when the moment was sent that has not been drawn yet; 0 without one
  #next = null; // the moment to send after it
  #held = 0; // until when the studio does not move the slider

  /**
   * @param {object} listeners  `moment` gets the fraction to show; `psnr` returns it at a step;
   *   `moved` gets the step at which the slider stands
   */
  constructor({ moment, psnr, moved }) {
    this.onmoment = moment;
    this.psnr = psnr;
    this.onmoved = moved;
    this.#slider.addEventListener("input", () => {
      this.stop();
      this.#go(this.fraction);
    });
    find(".play", this.#place).addEventListener("click", () => this.toggle());
  }

  /** The moment that is shown, in [0, 1]. */
  get fraction() {
    return this.#slider.value / this.#slider.max;
  }

  /** Show the timeline of a training of so many steps at a moment, or hide it with null. */
  show(steps, fraction) {
    this.#place.hidden = steps === null;
    if (steps === null) return this.stop();
    this.#steps = steps;
    if (performance.now() > this.#held && !this.#playing)
      this.#slider.value = fraction * this.#slider.max;
    this.#tell();
  }

  /** Called when a frame was drawn: the next moment can be sent. */
  drawn() {
    this.#sent = 0;
    if (this.#next !== null) this.#go(this.#next);
  }

  /** Play, or stop playing. */
  toggle() {
    if (this.#playing) return this.stop();
    let from = this.fraction < 1 ? this.fraction : 0;
    let start = null;
    const play = (now) => {
      start ??= now;
      const at = Math.min(1, from + (now - start) / 1000 / LENGTH);
      this.#slider.value = at * this.#slider.max;
      this.#go(at);
      if (at < 1) this.#playing = requestAnimationFrame(play);
      else this.stop();
    };
    this.#playing = requestAnimationFrame(play);
    this.#button("Stop playing");
  }

  /** Stop playing. */
  stop() {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    this.#button("Play");
  }

  #go(fraction) {
    this.#held = performance.now() + PATIENCE;
    this.#tell();
    this.#next = fraction;
    if (this.#sent && performance.now() - this.#sent < PATIENCE) return;
    this.#next = null;
    this.#sent = performance.now();
    this.onmoment(fraction);
  }

  #tell() {
    const step = Math.round(this.fraction * this.#steps);
    const psnr = this.psnr(step);
    const known = psnr === null ? "" : `, ${decibels(psnr)}`;
    const text = `step ${whole(step)} of ${whole(this.#steps)}${known}`;
    this.#slider.setAttribute("aria-valuetext", text);
    find("output", this.#place).textContent = whole(step);
    this.onmoved(step);
  }

  #button(label) {
    const button = find(".play", this.#place);
    button.setAttribute("aria-label", label);
    button.classList.toggle("playing", label !== "Play");
  }
}
