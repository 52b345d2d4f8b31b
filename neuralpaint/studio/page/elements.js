// Elements of the page: found, made, and filled with text.

/** The first element that matches a selector. */
export const find = (selector, within = document) => within.querySelector(selector);

/** All elements that match a selector. */
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

/**
 * Make an element. Attributes that are null or false are left out, `on...` are listeners, and
 * children are elements or text; text is never read as HTML.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false && value !== undefined)
      made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Show one line in an element, or hide it if there is none. */
export function say(place, text) {
  // An unchanged alert would be read aloud again.
  if (place.textContent !== (text ?? "")) place.textContent = text ?? "";
  place.hidden = !text;
}

let count = 0;

/** A new id, for a label and its control. */
export const newId = () => `e${(count += 1)}`;
