// The player: it shows the network at a moment of its training and in a view, and changes both.

import { View } from "./view.js";
import { Code, Weights, bytesOf } from "./weights.js";
import { Network } from "./network.js";

const DRAFT = 22; // milliseconds that the GPU may take for an image while something moves
const STRIP = 40; // the same for a part of the final image
const SMALLEST = 0.2; // of the sides of the canvas: a draft has at least as many pixels
const MOST_PIXELS = 2 ** 23;

const film = JSON.parse(document.querySelector("#film").textContent);
const find = (name) => document.querySelector(`[data-part="${name}"]`);
const whole = (number) => Math.round(number).toLocaleString("en");

class Player {
  #stage = find("stage");
  #canvas = find("canvas");
  #original = find("original");
  #scrubber = find("scrubber");
  #weights;
  #code = film.code ? new Code(film.code, film.network) : null;
  #network = null;
  #view;
  #position = 1; // of the moment in the clip, from 0 to 1
  #picture = 0; // along the codes of the pictures
  #playing = false;
  #speed = 1;
  #last = 0; // the time of the last frame while playing
  #loaded = ""; // the weights that the GPU has
  #scale = 0.5; // of the sides of a draft
  #busy = false; // the GPU is drawing
  #scheduled = false;
  #version = 0; // counts changes
  #shown = -1; // the version that is seen at full size
  #divider = 0.5;

  async start() {
    try {
      this.#network = new Network(this.#canvas, film.network);
      this.#weights = await Weights.decode(film.weights, bytesOf(document.querySelector("#weights").textContent));
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.#stage.classList.remove("drawn");
    });
    this.#canvas.addEventListener("webglcontextrestored", () => {
      this.#network = new Network(this.#canvas, film.network);
      this.#loaded = "";
      this.#change();
    });
    this.#scale = Math.min(1, Math.sqrt(4e7 / (this.#network.cost * film.width * film.height)));
    const { width, height } = film;
    this.#view = new View(this.#stage, {
      aspect: width / height,
      onchange: (region) => this.#moved(region),
    });
    new ResizeObserver(() => this.#resize()).observe(this.#stage);
    this.#connect();
    this.#resize();
    this.#seek(film.moments.length > 1 ? 0 : 1);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (film.moments.length > 1 && still) this.#seek(1);
    else if (film.moments.length > 1) this.#play(true);
  }

  #fail(error) {
    console.warn(error);
    const note = find("failure");
    note.hidden = false;
    note.querySelector("span").textContent = error.message;
    for (const name of ["transport", "codes"]) find(name)?.remove();
    this.#stage.removeAttribute("tabindex");
  }

  // What the user can do

  #connect() {
    const on = (name, type, act) => find(name)?.addEventListener(type, act);
    on("play", "click", () => this.#play(!this.#playing));
    on("speed", "change", (event) => { this.#speed = Number(event.target.value); });
    on("whole", "click", () => this.#view.reset());
    on("fullscreen", "click", () => this.#fullscreen());
    on("compare", "click", () => this.#compare());
    on("scrubber", "input", () => {
      this.#play(false);
      this.#seek(Number(this.#scrubber.value));
    });
    on("code", "input", (event) => {
      this.#picture = Number(event.target.value);
      this.#name();
      this.#change();
    });
    if (!document.fullscreenEnabled) find("fullscreen").hidden = true;
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("visibilitychange", () => { this.#last = 0; });
    const divider = find("divider");
    divider?.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      divider.setPointerCapture(event.pointerId);
    });
    divider?.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = this.#stage.getBoundingClientRect();
      this.#divide((event.clientX - box.left) / box.width);
    });
    divider?.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      this.#divide(this.#divider + move);
    });
    if (this.#code) this.#name();
  }

  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("select, summary, [data-part=code]")) return;
    const isButton = event.target.closest("button");
    const moves = { ArrowLeft: -0.01, ArrowRight: 0.01, Home: -1, End: 1 };
    if (event.key === " " && !isButton) this.#play(!this.#playing);
    else if (event.key in moves && film.moments.length > 1) {
      this.#play(false);
      this.#seek(this.#position + moves[event.key]);
    } else if (event.key === "f") this.#fullscreen();
    else if (!["+", "=", "-", "_", "0"].includes(event.key) || !this.#view.key(event)) return;
    event.preventDefault();
  }

  #play(on) {
    if (film.moments.length < 2 || on === this.#playing) return;
    if (on && this.#position >= 1) this.#seek(0);
    this.#playing = on;
    this.#last = 0;
    const button = find("play");
    button.setAttribute("aria-label", on ? "Pause" : "Play");
    button.classList.toggle("on", on);
    this.#schedule();
  }

  #seek(position) {
    this.#position = Math.min(1, Math.max(0, position));
    const { step, psnr } = this.#moment();
    const text = `step ${whole(step)}${Number.isFinite(psnr) ? ` · ${psnr.toFixed(1)} dB` : ""}`;
    if (find("step")) find("step").textContent = text;
    if (this.#scrubber) {
      this.#scrubber.value = this.#position;
      this.#scrubber.setAttribute("aria-valuetext", `step ${whole(step)} of ${whole(film.moments.at(-1).step)}`);
      find("transport").style.setProperty("--position", this.#position);
    }
    this.#change();
  }

  #fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else find("film").requestFullscreen?.();
  }

  #compare() {
    const on = this.#stage.classList.toggle("compared");
    find("compare").setAttribute("aria-pressed", on);
    this.#divide(this.#divider);
    this.#moved(this.#view.region);
  }

  #divide(share) {
    this.#divider = Math.min(1, Math.max(0, share));
    this.#stage.style.setProperty("--divider", `${100 * this.#divider}%`);
    find("divider").setAttribute("aria-valuenow", Math.round(100 * this.#divider));
  }

  #name() {
    const nearest = Math.round(this.#picture);
    const { names } = film.code;
    const [first, second] = [Math.floor(this.#picture), Math.ceil(this.#picture)];
    const share = Math.round(100 * (this.#picture - first));
    const text = first === second ? names[nearest] : `${names[first]} ${100 - share} % · ${names[second]} ${share} %`;
    find("name").textContent = text;
    find("code").setAttribute("aria-valuetext", text);
  }

  // What is seen

  /** Where the position lies between two moments, and the numbers of the moment. */
  #moment() {
    const { moments } = film;
    const next = moments.findIndex(({ at }) => at >= this.#position);
    const second = next < 0 ? moments.length - 1 : next;
    const first = Math.max(0, second - 1);
    const [a, b] = [moments[first], moments[second]];
    const amount = b.at > a.at ? Math.max(0, (this.#position - a.at) / (b.at - a.at)) : 0;
    // An unknown PSNR is null, which arithmetic would take for 0.
    const between = (name) =>
      a[name] === null || b[name] === null ? null : a[name] + amount * (b[name] - a[name]);
    return { place: second === first ? first : first + amount, step: between("step"), psnr: between("psnr") };
  }

  #moved() {
    const zoom = this.#view.zoom;
    find("zoom").textContent = zoom < 1.005 ? "" : `${zoom < 10 ? zoom.toFixed(1) : whole(zoom)}×`;
    find("whole").disabled = zoom === 1;
    this.#change();
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#stage;
    let ratio = window.devicePixelRatio || 1;
    ratio *= Math.min(1, Math.sqrt(MOST_PIXELS / Math.max(1, clientWidth * clientHeight * ratio * ratio)));
    for (const canvas of [this.#canvas, this.#original]) {
      if (!canvas) continue;
      canvas.width = Math.max(1, Math.round(clientWidth * ratio));
      canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    }
    this.#change();
  }

  #drawOriginal() {
    if (!this.#stage.classList.contains("compared")) return;
    const context = this.#original.getContext("2d");
    const image = find("picture");
    const { left, top, width, height } = this.#view.region;
    const { width: across, height: down } = this.#original;
    context.clearRect(0, 0, across, down);
    context.imageSmoothingEnabled = image.naturalWidth * width > across / 2;
    // Only what is seen: browsers do not draw an image a million times as large.
    const [from, to] = [[Math.max(0, left), Math.max(0, top)], [Math.min(1, left + width), Math.min(1, top + height)]];
    const [w, h] = [image.naturalWidth, image.naturalHeight];
    context.drawImage(
      image, from[0] * w, from[1] * h, (to[0] - from[0]) * w, (to[1] - from[1]) * h,
      ((from[0] - left) / width) * across, ((from[1] - top) / height) * down,
      ((to[0] - from[0]) / width) * across, ((to[1] - from[1]) / height) * down,
    );
  }

  // Drawing: a draft while something changes, and then the image at full size, in strips

  #change() {
    this.#version += 1;
    this.#stage.removeAttribute("data-drawn");
    this.#schedule();
  }

  #schedule() {
    if (this.#scheduled || !this.#view) return;
    this.#scheduled = true;
    requestAnimationFrame((now) => {
      this.#scheduled = false;
      this.#tick(now);
    });
  }

  async #tick(now) {
    if (this.#playing) this.#advance(now);
    if (this.#busy || this.#network.lost) {
      this.#schedule();
      return;
    }
    if (this.#shown === this.#version) return;
    this.#busy = true;
    try {
      await this.#draw();
    } finally {
      this.#busy = false;
    }
    this.#schedule();
  }

  #advance(now) {
    const passed = this.#last ? now - this.#last : 0;
    this.#last = now;
    this.#seek(this.#position + (this.#speed * passed) / (1000 * film.seconds));
    if (this.#position >= 1) this.#play(false);
  }

  #load() {
    const { place } = this.#moment();
    const wanted = `${place} ${this.#picture}`;
    if (wanted === this.#loaded) return;
    this.#loaded = wanted;
    const vector = this.#weights.at(place);
    this.#network.load(this.#code ? this.#code.apply(vector, this.#code.at(this.#picture)) : vector);
  }

  async #draw() {
    const version = this.#version;
    const region = this.#view.region;
    const { width, height } = this.#canvas;
    const network = this.#network;
    this.#load();
    this.#drawOriginal();
    const pixels = (scale) => [width, height].map((side) => Math.max(1, Math.round(scale * side)));
    const begun = performance.now();
    network.begin(region, ...pixels(this.#scale));
    network.draw();
    network.show();
    await network.finished();
    this.#stage.classList.add("drawn");
    const taken = Math.max(1, performance.now() - begun);
    const share = this.#scale;
    const factor = Math.min(1.25, Math.max(0.5, Math.sqrt(DRAFT / taken)));
    this.#scale = Math.min(1, Math.max(SMALLEST, this.#scale * (factor > 1.1 || factor < 0.9 ? factor : 1)));
    if (share === 1) this.#finish(version);
    else if (!this.#playing && version === this.#version) await this.#refine(version, region, (taken / share) / share);
  }

  async #refine(version, region, expected) {
    const { width, height } = this.#canvas;
    const rows = Math.max(1, Math.min(height, Math.round((height * STRIP) / expected)));
    this.#network.begin(region, width, height);
    for (let row = 0; row < height; row += rows) {
      this.#network.draw(row, Math.min(height, row + rows));
      await this.#network.finished();
      if (version !== this.#version) return;
    }
    this.#network.show();
    await this.#network.finished();
    this.#finish(version);
  }

  #finish(version) {
    if (version !== this.#version) return;
    this.#shown = version;
    this.#stage.setAttribute("data-drawn", "exact");
  }
}

new Player().start();
