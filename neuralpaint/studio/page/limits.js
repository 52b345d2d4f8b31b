// What a setting may be, in the words of the command line.

const UNSET = ["unset", "auto", "none"];
const TIME = /^(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?$/;
const WHOLE = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Return what is wrong with the text of an option, in one line, or null. `label` names it. */
export function wrong(option, text, label) {
  if (option.kind !== "whole" && option.kind !== "number") return null;
  if (option.default === null && UNSET.includes(text)) return null;
  const value = number(option, text.trim());
  if (value === null) return `${label} must be ${kind(option)}, not '${text}'`;
  if (!Number.isFinite(value)) return null; // the studio has the word for it
  const unit = option.unit ? ` ${option.unit}` : "";
  const short = (limit) => `${general(limit)}${unit}`;
  const shown = general(value);
  if (isNumber(option.above) && value <= option.above)
    return `${label} must be above ${short(option.above)}, not ${shown}`;
  if (isNumber(option.minimum) && value < option.minimum)
    return `${label} must be at least ${short(option.minimum)}, not ${shown}`;
  if (isNumber(option.maximum) && value > option.maximum)
    return `${label} must be at most ${short(option.maximum)}, not ${shown}`;
  return null;
}

/** The number that a text means for an option; null if it means none. */
export function number(option, text) {
  if (option.unit === "seconds" && /\d/.test(text) && TIME.test(text.toLowerCase())) {
    const part = (letter) =>
      Number(text.toLowerCase().match(new RegExp(`([\\d.]+)${letter}`))?.[1] ?? 0);
    return 3600 * part("h") + 60 * part("m") + part("s");
  }
  if (option.unit === "fps" && /^\d+\s*\/\s*\d+$/.test(text)) {
    const [over, under] = text.split("/").map(Number);
    return under ? over / under : null;
  }
  return (option.kind === "whole" ? WHOLE : NUMBER).test(text) ? Number(text) : null;
}

// A number with six digits, as messages have it: 300, 0.001, 1e+09.
function general(value) {
  const short = Number(value.toPrecision(6));
  const power = short === 0 ? 0 : Math.floor(Math.log10(Math.abs(short)));
  if (power >= -4 && power < 6) return String(short);
  return short.toExponential().replace(/([+-])(\d)$/, "$10$2");
}

const isNumber = (value) => typeof value === "number";

function kind({ kind: each, unit }) {
  if (unit === "seconds") return "a time such as 20, 90s or 1m30s";
  if (unit === "fps") return "a rate such as 30, 29.97 or 30000/1001";
  return each === "whole" ? "a whole number" : "a number";
}
