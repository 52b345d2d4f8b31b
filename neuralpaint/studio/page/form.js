// The form of a command, made from its options; a value at its default is not in it.

import { EntriesField, EntryField } from "./entries.js";
import { element } from "./elements.js";
import { ChipField, ChoiceField, SwitchField, TextField } from "./fields.js";

// Options that change the defaults of others; each of their values has a sentence in `choices`.
const GROUP_OF = { look: "looks", preset: "presets", place: "places" };
const LABELS = { place: "Made for" };
// What is set most often comes first; all else follows in the order of the command's help.
const ORDER = [
  "look",
  "place",
  "camera",
  "overlay",
  "model",
  "steps",
  "seconds",
  "pacing",
  "size",
  "duration",
  "fps",
];

/** The fields of one command in an element. */
export class Form {
  #choices;
  #fields = new Map();
  #base;

  /**
   * @param {HTMLElement} place  the element that gets the fields
   * @param {object} choices  what can be chosen, as the studio sends it
   * @param {string} command  the name of the command
   * @param {object} options
   * @param {() => void} options.changed  called when the person has changed a field
   * @param {string | null} [options.base]  what an option that is not given
   *   means, if not its default
   * @param {string[]} [options.without]  titles of sections and names of options that are left out
   */
  constructor(place, choices, command, { changed, base = null, without = [] }) {
    this.#choices = choices;
    this.#base = base;
    const sections = choices.commands[command].sections.filter(
      ({ title }) => !without.includes(title),
    );
    const all = sections
      .flatMap(({ options }) => options)
      .filter(({ name }) => !without.includes(name));
    const rank = ({ name }) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
    const first = all.filter(({ advanced }) => !advanced).sort((a, b) => rank(a) - rank(b));
    const make = (option, context) => {
      const { registry } = option;
      const entries = registry ? choices.registries[registry] : null;
      return new (kindOf(option))(option, { ...context, entries, make }).built();
    };
    const add = (option) => {
      const field = make(grouped(option, choices), {
        changed: () => changed(),
        base,
        none: base !== null && option.default === null, // a recorded entry can be taken away
      });
      this.#fields.set(option.name, field);
      return field.element;
    };
    place.replaceChildren(element("div", { class: "first" }, ...first.map(add)));
    const rest = sections
      .map(({ title, options }) => [
        title,
        options.filter((option) => option.advanced && all.includes(option)),
      ])
      .filter(([, options]) => options.length);
    if (!rest.length) return;
    place.append(
      element(
        "details",
        { class: "more" },
        element("summary", {}, "More settings"),
        ...rest.map(([title, options]) =>
          element(
            "details",
            {},
            element("summary", {}, title),
            element("div", { class: "group" }, ...options.map(add)),
          ),
        ),
      ),
    );
  }

  /** The options that were chosen, as text by name. */
  get values() {
    const given = [...this.#fields].map(([name, field]) => [name, field.value]);
    return Object.fromEntries(given.filter(([, value]) => value !== null));
  }

  set values(values) {
    this.rebase(values);
    for (const [name, field] of this.#fields) field.value = values[name] ?? null;
  }

  /** Let options that are not given be "as the look says" while a look is chosen. */
  rebase(values = this.values) {
    const chosen = Object.keys(GROUP_OF).filter((name) => values[name]);
    const base = this.#base ?? (chosen.length ? "as chosen above" : null);
    for (const [name, field] of this.#fields) {
      if (name in GROUP_OF || field instanceof SwitchField || field.context.base === base) continue;
      const { value } = field;
      field.context.base = base;
      field.value = value;
    }
  }

  /** Whether all fields can be sent; each says what is wrong with it. */
  check() {
    return [...this.#fields.values()].map((field) => field.check()).every(Boolean);
  }

  /** Show an error beside the field that it names, and return whether there is one. */
  report(message) {
    const named = [...this.#fields.values()].find(
      ({ option }) =>
        new RegExp(`(^|\\s)${option.flag}(?![\\w-])`).test(message) ||
        message.startsWith(`${option.name} `),
    );
    named?.report(message);
    if (named) reveal(named.element);
    return Boolean(named);
  }

  /** Move the focus to the first field with an error. */
  focusWrong() {
    const field = [...this.#fields.values()].find(({ wrong }) => !wrong.hidden);
    (field?.control ?? field?.element.querySelector("input, select"))?.focus();
  }
}

function kindOf({ kind, name, choices, registry }) {
  if (name in GROUP_OF && choices) return name === "look" ? ChipField : ChoiceField;
  if (registry && kind === "entries") return EntriesField;
  if (registry) return EntryField;
  if (kind === "switch") return SwitchField;
  return choices ? ChoiceField : TextField;
}

// Looks, presets and places have a sentence each.
function grouped(option, choices) {
  const group = GROUP_OF[option.name];
  if (!group) return option;
  const listed = choices[group] ?? {};
  const summaries = Object.fromEntries(
    Object.entries(listed).map(([name, { summary }]) => [name, summary]),
  );
  return {
    ...option,
    choices: option.choices ?? Object.keys(listed),
    summaries,
    label: LABELS[option.name],
  };
}

function reveal(place) {
  for (let each = place.parentElement; each; each = each.parentElement) {
    if (each instanceof HTMLDetailsElement) each.open = true;
  }
}
