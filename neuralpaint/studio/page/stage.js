// The stage: the newest frame of the network where it belongs, seen through a view that moves.

import { find } from "./elements.js";
import { View } from "./view.js";

const PAUSE = 80; // milliseconds between two views that are sent while a gesture goes on
const OVERTAKES = 300; // milliseconds that a frame may arrive before its state
const PIXELATED = 3; // screen pixels for one of the original from which its pixels are shown

/** A canvas that shows frames at their region, with zoom, drag and keys. */
export class Stage {
  #box;
  #canvas;
  #view;
  #whole = null; // the last frame of the whole picture, and behind everything
  #detail = null; // the last frame of a part of it
  #arrived = 0; // when the last frame came
  #original = null;
  #address = null; // of the original
  #compared = false;
  #drawing = 0;
  #timer = 0;
  #live = false;
  #sent = "";

  /**
   * @param {HTMLElement} box  the element with the canvas and its buttons
   * @param {object} listeners  `view` gets {region, width, height, visible} when it has changed,
   *   `key` gets a key that means nothing to the stage
   */
  constructor(box, { view, key }) {
    this.#box = box;
    this.#canvas = find("canvas", box);
    this.onview = view;
    this.#view = new View(this.#canvas, { aspect: 1, onchange: () => this.#changed() });
    for (const button of box.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this.#do(button.dataset.do));
    }
    this.#canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = { o: "original", f: "full" }[event.key];
      if (action) this.#do(action);
      else if (event.key === " ") {
        event.preventDefault();
        key(event.key);
      }
    });
    document.addEventListener("visibilitychange", () => this.tell());
  }

  /**
   * Show another picture, as a whole; `aspect` is its width divided by its height. A frame that has
   * just arrived is kept unless the picture is `fresh`: frames can overtake the state.
   */
  show(aspect, { fresh }) {
    if (fresh || performance.now() - this.#arrived > OVERTAKES) {
      this.#whole?.image.close();
      this.#detail?.image.close();
      this.#whole = this.#detail = null;
    }
    this.original(null);
    this.#view.aspect = aspect;
    this.#box.style.setProperty("--aspect", aspect);
    this.#view.set({ left: 0, top: 0, width: 1, height: 1 });
    this.#draw();
  }

  /** Set whether the frames of the studio are shown here; they are asked for only then. */
  set live(live) {
    if (live === this.#live) return;
    this.#live = live;
    this.#view.resize();
    this.tell();
  }

  /** Draw a frame of the studio, and resolve when it can be seen. */
  async frame(header, blob) {
    const [left, top, width, height] = header.region;
    const frame = { image: await createImageBitmap(blob), left, top, width, height };
    this.#arrived = performance.now();
    const all = left <= 1e-6 && top <= 1e-6 && left + width > 1 - 1e-6 && top + height > 1 - 1e-6;
    this.#detail?.image.close();
    this.#detail = null;
    if (all) {
      this.#whole?.image.close();
      this.#whole = frame;
    } else this.#detail = frame;
    this.#draw();
    await new Promise(document.hidden ? (done) => done() : requestAnimationFrame);
  }

  /** Show the picture at an address, until there is a frame. */
  async picture(address) {
    const image = await load(address);
    if (this.#whole) image?.close();
    else if (image) this.#whole = { image, left: 0, top: 0, width: 1, height: 1 };
    this.#draw();
  }

  /** Set the address of the original that can be compared; null if there is none. */
  async original(address) {
    if (address === this.#address) return;
    this.#address = address;
    this.#original?.close();
    this.#original = null;
    this.#compare(false);
    const image = address && (await load(address));
    if (address !== this.#address) return image?.close();
    this.#original = image;
    find("[data-do=original]", this.#box).hidden = !image;
  }

  /** Describe what is seen, for those who do not see it. */
  describe(text, caption) {
    this.#canvas.setAttribute("aria-label", text);
    find(".caption", this.#box).textContent = caption;
  }

  /** Send what is seen, unless it was sent before. */
  tell({ again = false } = {}) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const { left, top, width, height } = this.#view.region;
    const visible = this.#live && !document.hidden;
    const message = {
      region: [left, top, width, height],
      width: Math.max(1, Math.round(this.#canvas.clientWidth * devicePixelRatio)),
      height: Math.max(1, Math.round(this.#canvas.clientHeight * devicePixelRatio)),
      visible,
    };
    const text = visible ? JSON.stringify(message) : "hidden";
    if (again || text !== this.#sent) this.onview(message);
    this.#sent = text;
  }

  #do(action) {
    if (action === "in") this.#view.zoomAt(0.5, 0.5, 1.5);
    else if (action === "out") this.#view.zoomAt(0.5, 0.5, 1 / 1.5);
    else if (action === "whole") this.#view.reset();
    else if (action === "original") this.#compare(!this.#compared);
    else if (document.fullscreenElement) document.exitFullscreen();
    else this.#box.requestFullscreen?.().catch(() => {}); // a telephone may not allow it
  }

  #compare(compared) {
    this.#compared = compared && this.#original !== null;
    const button = find("[data-do=original]", this.#box);
    button.setAttribute("aria-pressed", this.#compared);
    if (!this.#original) button.hidden = true;
    this.#draw();
  }

  #changed() {
    const zoom = this.#view.zoom;
    find(".zoom", this.#box).textContent =
      zoom > 1.005 ? `${zoom < 10 ? zoom.toFixed(1) : Math.round(zoom)} ×` : "";
    this.#draw();
    this.#timer ||= setTimeout(() => this.tell(), PAUSE);
  }

  #draw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const { clientWidth, clientHeight } = this.#canvas;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (!width || !height) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const seen = this.#view.region;
    const layers = this.#compared
      ? [{ image: this.#original, left: 0, top: 0, width: 1, height: 1 }]
      : [this.#whole, this.#detail];
    for (const layer of layers) {
      if (!layer) continue;
      const across = (width * layer.width) / seen.width;
      context.imageSmoothingEnabled = !this.#compared || across / layer.image.width < PIXELATED;
      context.imageSmoothingQuality = "high";
      context.drawImage(
        layer.image,
        ((layer.left - seen.left) / seen.width) * width,
        ((layer.top - seen.top) / seen.height) * height,
        across,
        (height * layer.height) / seen.height,
      );
    }
  }
}

// A picture as the browser shows it; null if it cannot.
async function load(address) {
  try {
    const answer = await fetch(address);
    return answer.ok ? await createImageBitmap(await answer.blob()) : null;
  } catch {
    return null;
  }
}
