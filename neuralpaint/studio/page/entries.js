// Fields for entries of registries: a name, and folded under it the settings of what it names.

import { element, newId } from "./elements.js";
import { Field } from "./fields.js";
import { read, readList, write } from "./spec.js";
import { title } from "./words.js";

/** The settings of one entry, folded; they are made when they are first opened or set. */
class Settings {
  #fields = null;
  #context;
  #listed;

  constructor(listed, context) {
    this.#listed = listed;
    this.#context = context;
    this.element = element("details", { class: "settings" }, element("summary", {}, context.title));
    this.element.hidden = !listed.settings.length;
    this.element.addEventListener("toggle", () => this.element.open && this.fields);
  }

  get fields() {
    if (this.#fields) return this.#fields;
    const { changed, make, label } = this.#context;
    this.#fields = this.#listed.settings.map((option) =>
      make(option, { changed, base: null, label: `${label}: ${option.name}` }),
    );
    this.element.append(
      element("div", { class: "nested" }, ...this.#fields.map((field) => field.element)),
    );
    return this.#fields;
  }

  /** What was changed, by key; the changes of an inner entry stand beside those of the outer. */
  get values() {
    const values = {};
    for (const { option, value } of this.#fields ?? []) {
      if (value === null) continue;
      if (option.kind !== "entry") values[option.name] = value;
      else {
        const [name, inner] = read(value);
        if (name !== option.default) values[option.name] = name;
        for (const [key, text] of Object.entries(inner)) values[key] ??= text;
      }
    }
    return values;
  }

  set values(values) {
    if (!this.#fields && !Object.keys(values).length) return;
    const known = this.fields.map(({ option }) => option.name);
    const others = Object.fromEntries(
      Object.entries(values).filter(([key]) => !known.includes(key)),
    );
    for (const field of this.fields) {
      const { kind, name } = field.option;
      const text = values[name] ?? null;
      const inner = kind === "entry" && Object.keys(others).length;
      field.value = inner ? write(...merged(text ?? field.option.default ?? "", others)) : text;
    }
  }

  check() {
    const right = (this.#fields ?? []).map((field) => field.check()).every(Boolean);
    if (!right) this.element.open = true;
    return right;
  }
}

function merged(text, others) {
  const [name, settings] = read(text);
  return [name, { ...others, ...settings }];
}

/** One entry of a registry, chosen by its name. */
export class EntryField extends Field {
  #settings = new Map();

  build() {
    this.control = element("select", {
      ...this.described,
      onchange: () => {
        this.#show();
        this.changed();
      },
    });
    this.place = element("div");
    this.#fill();
    this.#show();
    return element(
      "div",
      { class: "field" },
      element("label", { for: this.id }, title(this.option.name)),
      this.control,
      this.help,
      this.place,
      this.wrong,
    );
  }

  get value() {
    const name = this.#name;
    if (name === null) return null;
    const values = this.#current?.values ?? {};
    // The settings of the default entry are sent with its name, the default alone is not.
    return Object.keys(values).length || this.control.value ? write(name, values) : null;
  }

  set value(text) {
    const [name, values] = read(text ?? "");
    this.#fill();
    const usual = this.context.base === null && name === this.option.default;
    this.control.value = usual ? "" : name;
    if (this.control.selectedIndex < 0) this.control.value = "";
    this.#show();
    if (this.#current) this.#current.values = values;
  }

  check() {
    return super.check() && (this.#current?.check() ?? true);
  }

  get #name() {
    return this.control.value || (this.context.base === null ? this.option.default : null);
  }

  get #current() {
    return this.#settings.get(this.#name);
  }

  #fill() {
    const { default: usual } = this.option;
    const { base, entries, none } = this.context;
    const names = Object.keys(entries).filter((name) => base !== null || name !== usual);
    const chosen = this.control.value;
    this.control.replaceChildren(
      element("option", { value: "" }, this.unset),
      ...(none ? [element("option", { value: "none" }, "none")] : []),
      ...names.map((value) => element("option", { value }, value)),
    );
    this.control.value = chosen;
    if (this.control.selectedIndex < 0) this.control.value = "";
  }

  #show() {
    const { entries, make } = this.context;
    const name = this.#name;
    const listed = entries[name];
    this.help.textContent = listed?.summary || this.option.help;
    if (listed && !this.#settings.has(name)) {
      this.#settings.set(
        name,
        new Settings(listed, {
          make,
          changed: () => this.changed(),
          title: `Settings of ${name}`,
          label: `${this.option.name} ${name}`,
        }),
      );
    }
    this.place.replaceChildren(...(listed ? [this.#settings.get(name).element] : []));
  }
}

/** Any number of entries of a registry, each with its settings. */
export class EntriesField extends Field {
  build() {
    const { entries, make, none } = this.context;
    this.order = []; // in which they were chosen, and are drawn
    this.boxes = new Map();
    this.settings = new Map();
    const chips = Object.entries(entries).map(([name, listed]) => {
      const box = element("input", {
        type: "checkbox",
        value: name,
        onchange: () => {
          this.#tick(name);
          this.changed();
        },
      });
      this.boxes.set(name, box);
      this.settings.set(
        name,
        new Settings(listed, {
          make,
          changed: () => this.changed(),
          title: `Settings of ${name}`,
          label: `${this.option.name} ${name}`,
        }),
      );
      return element("label", { title: listed.summary }, box, element("span", {}, name));
    });
    this.none = none
      ? element("input", { type: "checkbox", id: newId(), onchange: () => this.#refuse() })
      : null;
    if (this.none)
      chips.unshift(
        element("label", { title: "none of them" }, this.none, element("span", {}, "none")),
      );
    this.place = element("div");
    return element(
      "fieldset",
      { class: "field chips", "aria-describedby": `${this.id}-help ${this.id}-wrong` },
      element(
        "legend",
        {},
        title(this.option.name),
        this.context.base
          ? element("small", {}, ` ${this.context.base}, unless one is chosen`)
          : null,
      ),
      element("div", {}, ...chips),
      this.help,
      this.place,
      this.wrong,
    );
  }

  get value() {
    if (this.none?.checked) return "none";
    return this.order.map((name) => write(name, this.settings.get(name).values)).join(",") || null;
  }

  set value(text) {
    if (this.none) this.none.checked = text === "none";
    const chosen = text && text !== "none" ? readList(text, [...this.boxes.keys()]) : [];
    for (const box of this.boxes.values()) box.checked = false;
    this.order = [];
    for (const [name, values] of chosen) {
      if (!this.boxes.has(name)) continue;
      this.boxes.get(name).checked = true;
      this.settings.get(name).values = values;
      this.#tick(name);
    }
    this.#show();
  }

  check() {
    return this.order.map((name) => this.settings.get(name).check()).every(Boolean);
  }

  #tick(name) {
    this.order = this.order.filter((other) => other !== name);
    if (this.boxes.get(name).checked) this.order.push(name);
    if (this.none && this.order.length) this.none.checked = false;
    this.#show();
  }

  #refuse() {
    for (const name of [...this.order]) {
      this.boxes.get(name).checked = false;
      this.#tick(name);
    }
    this.changed();
  }

  #show() {
    const { entries } = this.context;
    this.place.replaceChildren(...this.order.map((name) => this.settings.get(name).element));
    const last = this.order.at(-1);
    this.help.textContent = last ? entries[last].summary : this.option.help;
  }
}
