// The curve: PSNR over steps, as a small drawing with its axes and one sentence for it.

import { decibels, whole } from "./words.js";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [340, 170];
const MARGIN = { left: 30, right: 8, top: 10, bottom: 22 };
const MOST = 400; // points that are drawn

/** Draws the points of the studio; they arrive in pieces. */
export class Curve {
  #figure;
  #points = [];
  #steps = 0;
  #moment = null;
  #drawing = 0;

  constructor(figure) {
    this.#figure = figure;
  }

  /** Replace the points from an index on by others, each [step, psnr]. */
  add(from, points) {
    this.#points.length = Math.min(from, this.#points.length);
    this.#points.push(...points);
    this.#draw();
  }

  /** Set the length of the axis, and the step of the moment that is shown, or null. */
  axis(steps, moment) {
    if (steps === this.#steps && moment === this.#moment) return;
    [this.#steps, this.#moment] = [steps, moment];
    this.#draw();
  }

  /** The PSNR at a step, from the nearest point before it; null without one, and where it is exact. */
  at(step) {
    return this.#points.findLast(([other]) => other <= step)?.[1] ?? null;
  }

  #draw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const points = this.#points.filter(([, psnr]) => Number.isFinite(psnr));
    this.#figure.hidden = points.length < 2;
    if (points.length < 2) return this.#figure.replaceChildren();
    const values = points.map(([, psnr]) => psnr);
    const ticks = nice(Math.min(...values), Math.max(...values), 4);
    const [low, high] = [ticks[0], ticks.at(-1)];
    const steps = Math.max(this.#steps, points.at(-1)[0], 1);
    const x = (step) => MARGIN.left + (step / steps) * (WIDTH - MARGIN.left - MARGIN.right);
    const y = (psnr) =>
      HEIGHT -
      MARGIN.bottom -
      ((psnr - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const every = Math.ceil(points.length / MOST);
    const drawn = points.filter((_, i) => i % every === 0 || i === points.length - 1);
    const marks = nice(0, steps, 4).filter((step) => step <= steps);
    const [first, last] = [points[0], points.at(-1)];
    const sentence =
      `PSNR goes from ${decibels(first[1])} at step ${whole(first[0])} ` +
      `to ${decibels(last[1])} at step ${whole(last[0])}.`;
    const svg = draw("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": sentence,
    });
    for (const tick of ticks) {
      svg.append(
        draw("line", {
          class: "rule",
          x1: MARGIN.left,
          x2: WIDTH - MARGIN.right,
          y1: y(tick),
          y2: y(tick),
        }),
      );
      svg.append(
        draw("text", { x: MARGIN.left - 6, y: y(tick) + 3.5, "text-anchor": "end" }, String(tick)),
      );
    }
    for (const mark of marks) {
      // The last number ends at the edge and the first begins at the axis, so none is cut.
      const anchor = mark === 0 ? "start" : x(mark) > WIDTH - 40 ? "end" : "middle";
      svg.append(draw("text", { x: x(mark), y: HEIGHT - 6, "text-anchor": anchor }, whole(mark)));
    }
    svg.append(
      draw("polyline", {
        points: drawn.map(([s, p]) => `${x(s).toFixed(1)},${y(p).toFixed(1)}`).join(" "),
      }),
    );
    if (this.#moment !== null) {
      svg.append(
        draw("line", {
          class: "moment",
          x1: x(this.#moment),
          x2: x(this.#moment),
          y1: MARGIN.top,
          y2: HEIGHT - MARGIN.bottom,
        }),
      );
    }
    const at =
      this.#moment === null ? last : (points.findLast(([s]) => s <= this.#moment) ?? first);
    svg.append(draw("circle", { cx: x(at[0]), cy: y(at[1]), r: 3.5 }));
    const caption = document.createElement("figcaption");
    caption.textContent = "PSNR in dB, over steps";
    this.#figure.replaceChildren(caption, svg);
  }
}

function draw(name, attributes, text = "") {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// Round numbers from at most `low` to at least `high`, about `count` of them.
function nice(low, high, count) {
  const rough = Math.max(high - low, 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.99);
  const ticks = [];
  for (let i = Math.floor(low / step + 1e-9); ; i += 1) {
    ticks.push(Number((i * step).toPrecision(6)));
    if (i * step >= high - 1e-9 && ticks.length > 1) return ticks;
  }
}
