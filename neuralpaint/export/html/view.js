// The region of a picture that is seen in an element, and the gestures that change it.

const STEP = 1.5; // of a key that zooms
const SHIFT = 0.15; // of the seen part, of a key that moves
const GLIDE = 280; // milliseconds
const TAP = { time: 320, distance: 24 }; // of two taps, in milliseconds and pixels
const LINE = 16; // pixels of a wheel that counts lines

/**
 * A region {left, top, width, height} in fractions of the picture: the whole is 0, 0, 1, 1.
 *
 * It has the shape of the element. So where that is wider or higher than the picture, the region
 * of the whole picture has margins: its left or top is below 0.
 *
 * The wheel zooms at the cursor, two fingers at the point between them; dragging moves; a double
 * click returns to the whole picture. A focused element has keys: + and - zoom, 0 returns to the
 * whole, and arrows move if not all of the picture is seen.
 */
export class View {
  #element;
  #zoom = 1; // 1: the whole picture
  #x = 0.5; // the centre
  #y = 0.5;
  #pointers = new Map();
  #moved = 0; // pixels that the pointer has moved since it was pressed
  #tapped = { time: -Infinity, x: 0, y: 0 };
  #frame = 0; // of a movement
  #observer;

  /**
   * @param {HTMLElement} element  what shows the picture; it receives the gestures
   * @param {object} options
   * @param {number} options.aspect  width of the picture divided by its height
   * @param {number} [options.deepest]  the largest zoom
   * @param {(region: object) => void} [options.onchange]  called when the region has changed
   */
  constructor(element, { aspect, deepest = 2 ** 20, onchange = () => {} }) {
    this.#element = element;
    this.aspect = aspect;
    this.deepest = deepest;
    this.onchange = onchange;
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#release(event));
    element.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    element.addEventListener("keydown", (event) => {
      if (this.key(event)) event.preventDefault();
    });
    this.#observer = new ResizeObserver(() => this.resize());
    this.#observer.observe(element);
    this.#touch();
  }

  /** The region that is seen. */
  get region() {
    const { width, height } = this.#size(this.#zoom);
    return { left: this.#x - width / 2, top: this.#y - height / 2, width, height };
  }

  /** How much larger the picture is shown than as a whole. */
  get zoom() {
    return this.#zoom;
  }

  /** See at least this region; what the shape of the element adds is seen around it. */
  set({ left, top, width, height }) {
    this.#stop();
    const whole = this.#size(1);
    const zoom = Math.min(whole.width / width, whole.height / height);
    this.#place(zoom, left + width / 2, top + height / 2);
  }

  /** Return to the whole picture. */
  reset() {
    this.#glide(1, 0.5, 0.5);
  }

  /** Zoom by a factor; the point at fractions (x, y) of the element stays where it is. */
  zoomAt(x, y, factor) {
    this.#stop();
    this.#place(...this.#zoomed(x, y, factor));
  }

  /** Take the element's new shape; called by itself when its size changes. */
  resize() {
    this.#place(this.#zoom, this.#x, this.#y);
  }

  /** Do what a key means, and return whether it means anything here. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const moves = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key];
    if (event.key === "+" || event.key === "=") this.#glide(...this.#zoomed(0.5, 0.5, STEP));
    else if (event.key === "-" || event.key === "_") this.#glide(...this.#zoomed(0.5, 0.5, 1 / STEP));
    else if (event.key === "0") this.reset();
    else if (moves && this.#zoom > 1) {
      const { width, height } = this.#size(this.#zoom);
      this.#glide(this.#zoom, this.#x + moves[0] * SHIFT * width, this.#y + moves[1] * SHIFT * height);
    } else return false;
    return true;
  }

  #size(zoom) {
    const { clientWidth, clientHeight } = this.#element;
    const wider = clientWidth / Math.max(1, clientHeight) / this.aspect || 1;
    return { width: Math.max(1, wider) / zoom, height: Math.max(1, 1 / wider) / zoom };
  }

  #zoomed(x, y, factor) {
    const zoom = Math.min(this.deepest, Math.max(1, this.#zoom * factor));
    const before = this.#size(this.#zoom);
    const after = this.#size(zoom);
    return [
      zoom,
      this.#x + (x - 0.5) * (before.width - after.width),
      this.#y + (y - 0.5) * (before.height - after.height),
    ];
  }

  #inside(zoom, x, y) {
    const { width, height } = this.#size(zoom);
    const within = (centre, size) =>
      size >= 1 ? 0.5 : Math.min(1 - size / 2, Math.max(size / 2, centre));
    return [zoom, within(x, width), within(y, height)];
  }

  #place(zoom, x, y) {
    [this.#zoom, this.#x, this.#y] = this.#inside(
      Math.min(this.deepest, Math.max(1, zoom)), x, y,
    );
    this.#touch();
    this.onchange(this.region);
  }

  // A finger scrolls the page while the whole picture is seen, and then moves the picture.
  #touch() {
    this.#element.style.touchAction = this.#zoom > 1 ? "none" : "pan-y";
  }

  #stop() {
    cancelAnimationFrame(this.#frame);
  }

  // The zoom changes at an even pace, about the one point that does not move.
  #glide(...target) {
    this.#stop();
    const [zoom, x, y] = this.#inside(...target);
    const from = { zoom: this.#zoom, x: this.#x, y: this.#y };
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#place(zoom, x, y);
      return;
    }
    const start = performance.now();
    const draw = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / GLIDE));
      const eased = t * t * (3 - 2 * t);
      const at = from.zoom * (zoom / from.zoom) ** eased;
      const done = zoom === from.zoom ? eased : (1 / at - 1 / from.zoom) / (1 / zoom - 1 / from.zoom);
      if (t < 1) this.#frame = requestAnimationFrame(draw);
      this.#place(t < 1 ? at : zoom, from.x + done * (x - from.x), from.y + done * (y - from.y));
    };
    this.#frame = requestAnimationFrame(draw);
  }

  #fractions(event) {
    const box = this.#element.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #wheel(event) {
    const pixels = event.deltaY * (event.deltaMode ? LINE : 1);
    if (this.#zoom === 1 && pixels > 0) return; // the page scrolls
    event.preventDefault();
    // A pinch on a trackpad is a wheel with ctrl, and has small deltas.
    const factor = 2 ** (-Math.max(-120, Math.min(120, pixels)) * (event.ctrlKey ? 0.012 : 0.004));
    this.zoomAt(...this.#fractions(event), factor);
  }

  #press(event) {
    if (event.button !== 0) return;
    this.#stop();
    this.#element.setPointerCapture(event.pointerId);
    if (!this.#pointers.size) this.#moved = 0;
    this.#pointers.set(event.pointerId, this.#fractions(event));
  }

  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const at = this.#fractions(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, at);
    const { clientWidth, clientHeight } = this.#element;
    const apart = (a, b) => Math.hypot((a[0] - b[0]) * clientWidth, (a[1] - b[1]) * clientHeight);
    this.#moved += apart(at, last);
    const before = other ? [0, 1].map((i) => (last[i] + other[i]) / 2) : last;
    const after = other ? [0, 1].map((i) => (at[i] + other[i]) / 2) : at;
    const factor = other ? apart(at, other) / Math.max(1, apart(last, other)) : 1;
    const [zoom, x, y] = this.#zoomed(...before, factor || 1);
    const { width, height } = this.#size(zoom);
    this.#place(zoom, x - (after[0] - before[0]) * width, y - (after[1] - before[1]) * height);
  }

  #release(event) {
    if (!this.#pointers.delete(event.pointerId) || this.#pointers.size) return;
    const tap = { time: event.timeStamp, x: event.clientX, y: event.clientY };
    if (this.#moved > TAP.distance) tap.time = -Infinity;
    const { time, x, y } = this.#tapped;
    const again = tap.time - time < TAP.time && Math.hypot(tap.x - x, tap.y - y) < TAP.distance;
    this.#tapped = again ? { ...tap, time: -Infinity } : tap;
    if (again) this.reset();
  }
}
