// One field per option: a label, a control, what it means, and what is wrong with it.

import { element, newId, say } from "./elements.js";
import { wrong } from "./limits.js";
import { title } from "./words.js";

/**
 * The base of all fields. `value` is the text of the option as on the command line, or null where
 * its default holds; a field of one kind says how to `build` its control, and to get and set it.
 */
export class Field {
  /**
   * @param {object} option  as in `choices`
   * @param {object} context
   * @param {(field: Field) => void} context.changed  called when the person has changed it
   * @param {string | null} context.base  what an option that is not given means, such as "as
   *   recorded"; null where it means the default of the option
   * @param {string} [context.label]  its name in errors; by default the flag
   */
  constructor(option, context) {
    this.option = option;
    this.context = context;
    this.id = newId();
    this.wrong = element("p", { class: "wrong", id: `${this.id}-wrong`, hidden: true });
    this.help = element("p", { class: "help", id: `${this.id}-help` }, option.help ?? "");
  }

  /** Build the element of the field, and return the field. */
  built() {
    this.element = this.build();
    this.element.dataset.option = this.option.name;
    return this;
  }

  /** Whether the text of the control may be sent; says what is wrong with it if not. */
  check() {
    const text = this.value;
    const label = this.context.label ?? this.option.flag;
    return this.report(text === null ? null : wrong(this.option, text, label));
  }

  /** Show an error beside the control, and return whether there is none. */
  report(message) {
    say(this.wrong, message);
    this.control?.setAttribute("aria-invalid", Boolean(message));
    return !message;
  }

  /** Attributes of a control that has this field's help and error. */
  get described() {
    return { id: this.id, "aria-describedby": `${this.id}-help ${this.id}-wrong` };
  }

  /** The text where nothing is chosen. */
  get unset() {
    return (
      this.context.base ?? this.option.default ?? (this.option.summaries ? "default" : "unset")
    );
  }

  /** The given text, or null if it is the default. */
  given(text) {
    return text === "" || (this.context.base === null && text === this.option.default)
      ? null
      : text;
  }

  /** Called by controls when the person has changed them. */
  changed() {
    this.check();
    this.context.changed(this);
  }
}

/** A whole number, a number or a text, typed. */
export class TextField extends Field {
  build() {
    const { kind, unit } = this.option;
    const plain = kind === "whole" || (kind === "number" && unit !== "seconds" && unit !== "fps");
    this.control = element("input", {
      ...this.described,
      inputmode: plain ? (kind === "whole" ? "numeric" : "decimal") : null,
      placeholder: this.unset,
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.changed(),
    });
    return element(
      "div",
      { class: kind === "text" ? "field" : "field short" },
      element(
        "label",
        { for: this.id },
        title(this.option.name),
        unit ? element("small", {}, ` ${unitOf(this.option)}`) : null,
      ),
      this.control,
      this.help,
      this.wrong,
    );
  }

  get value() {
    return this.given(this.control.value.trim());
  }

  set value(text) {
    this.control.value = text ?? "";
    this.control.placeholder = this.unset;
  }
}

// A unit in capitals is the form of the text, as in WIDTHxHEIGHT; a name can say the unit itself.
function unitOf({ name, unit }) {
  if (name === unit) return "";
  return /^[A-Z]/.test(unit)
    ? unit.replaceAll("|", " or ").replaceAll("x", " x ").toLowerCase()
    : unit;
}

/** Yes or no: a box to tick; three answers where neither may be given. */
export class SwitchField extends Field {
  build() {
    if (this.context.base !== null || this.option.default === null) {
      this.control = element(
        "select",
        { ...this.described, onchange: () => this.changed() },
        ...[
          ["", this.unset],
          ["true", "yes"],
          ["false", "no"],
        ].map(([value, text]) => element("option", { value }, text)),
      );
      return element(
        "div",
        { class: "field" },
        element("label", { for: this.id }, title(this.option.name)),
        this.control,
        this.help,
        this.wrong,
      );
    }
    this.control = element("input", {
      ...this.described,
      type: "checkbox",
      onchange: () => this.changed(),
    });
    this.control.checked = this.option.default === "true";
    return element(
      "div",
      { class: "field" },
      element("label", { class: "tick", for: this.id }, this.control, title(this.option.name)),
      this.help,
      this.wrong,
    );
  }

  get value() {
    return this.given(
      this.control.type === "checkbox" ? String(this.control.checked) : this.control.value,
    );
  }

  set value(text) {
    if (this.control.type === "checkbox")
      this.control.checked = (text ?? this.option.default) === "true";
    else this.control.value = text ?? "";
  }
}

/** One of a few names. */
export class ChoiceField extends Field {
  build() {
    this.control = element("select", {
      ...this.described,
      onchange: () => {
        this.#explain();
        this.changed();
      },
    });
    this.#fill();
    return element(
      "div",
      { class: "field" },
      element("label", { for: this.id }, title(this.option.label ?? this.option.name)),
      this.control,
      this.help,
      this.wrong,
    );
  }

  get value() {
    return this.given(this.control.value);
  }

  set value(text) {
    this.#fill();
    this.control.value = text ?? "";
    if (this.control.selectedIndex < 0) this.control.value = "";
    this.#explain();
  }

  #fill() {
    const { choices, default: usual } = this.option;
    const names = choices.filter((name) => this.context.base !== null || name !== usual);
    this.control.replaceChildren(
      element("option", { value: "" }, this.unset),
      ...names.map((value) => element("option", { value }, value)),
    );
  }

  #explain() {
    const { summaries, help } = this.option;
    if (summaries) this.help.textContent = summaries[this.control.value] ?? help;
  }
}

/** One of a few names that are all shown, with what the chosen one means. */
export class ChipField extends Field {
  build() {
    const { choices, label, name } = this.option;
    this.chips = ["", ...choices].map((value) =>
      element("input", {
        type: "radio",
        name: this.id,
        value,
        checked: value === "",
        onchange: () => {
          this.#explain();
          this.changed();
        },
      }),
    );
    const chips = this.chips.map((chip) =>
      element("label", {}, chip, element("span", {}, chip.value || this.unset)),
    );
    return element(
      "fieldset",
      { class: "field chips", "aria-describedby": `${this.id}-help ${this.id}-wrong` },
      element("legend", {}, title(label ?? name)),
      element("div", {}, ...chips),
      this.help,
      this.wrong,
    );
  }

  get value() {
    return this.given(this.chips.find((chip) => chip.checked).value);
  }

  set value(text) {
    const chosen = this.chips.find((chip) => chip.value === (text ?? "")) ?? this.chips[0];
    chosen.checked = true;
    this.#explain();
  }

  #explain() {
    this.help.textContent = this.option.summaries[this.value] ?? this.option.help;
  }
}
