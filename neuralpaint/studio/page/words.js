// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en");

/** 1200 -> "1,200" */
export const whole = (number) => WHOLE.format(Math.round(number));

/** 0.432 -> "43 %"; only what is complete has 100. */
export const percent = (part) => `${part >= 1 ? 100 : Math.min(99, Math.floor(part * 100))} %`;

/** 31.237 -> "31.2 dB" */
export const decibels = (psnr) => (Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : "–");

/** 75 -> "1:15" */
export function clock(seconds) {
  const all = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

/** 3456789 -> "3.5 MB" */
export function bytes(number) {
  if (number < 1000) return `${number} bytes`;
  const [size, unit] =
    number < 1e6
      ? [number / 1e3, "kB"]
      : number < 1e9
        ? [number / 1e6, "MB"]
        : [number / 1e9, "GB"];
  return `${size.toFixed(size < 9.95 ? 1 : 0)} ${unit}`;
}

/** The day and the time of an ISO date, as they are written where the reader lives. */
export function when(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

const NAMES = {
  fps: "Frames per second",
  lr: "Learning rate",
  ema: "Average of the weights",
  l1: "L1",
  l2: "L2",
};

/** "frames_from" -> "Frames from" */
export function title(name) {
  if (NAMES[name]) return NAMES[name];
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A name of a file without its suffix: what the picture is called. */
export const stem = (name) => name.replace(/\.[^.]*$/, "") || name;
