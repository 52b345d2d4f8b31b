// Entries of registries as text: `name:key=value,...`, values with a comma in quotes.

// A part of a list: `key='value'` with any characters in the quotes, or characters but commas.
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"/;
const PART = new RegExp(`[^,=]*=\\s*(?:${QUOTED.source})\\s*(?=,|$)|[^,]+`, "g");
const ONLY_QUOTED = new RegExp(`^(?:${QUOTED.source})$`);

/** ["fourier", {order: "64"}] -> "fourier:order=64" */
export function write(name, settings) {
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${quoted(value)}`);
  return pairs.length ? `${name}:${pairs.join(",")}` : name;
}

/** "fourier:order=64" -> ["fourier", {order: "64"}] */
export function read(text) {
  const colon = text.indexOf(":");
  if (colon < 0) return [text.trim(), {}];
  const settings = {};
  for (const part of split(text.slice(colon + 1))) {
    const equals = part.indexOf("=");
    if (equals > 0)
      settings[part.slice(0, equals).trim()] = unquoted(part.slice(equals + 1).trim());
  }
  return [text.slice(0, colon).trim(), settings];
}

/** The entries of a list; a part that begins with none of the names belongs to the one before. */
export function readList(text, names) {
  const specs = [];
  for (const part of split(text)) {
    const named = names.includes(part.split(":", 1)[0].trim());
    if (specs.length && !named) specs[specs.length - 1] += `,${part}`;
    else specs.push(part);
  }
  return specs.map(read);
}

const split = (text) => (text.match(PART) ?? []).map((part) => part.trim()).filter(Boolean);

function unquoted(value) {
  return ONLY_QUOTED.test(value)
    ? value.slice(1, -1).replaceAll(value[0] + value[0], value[0])
    : value;
}

function quoted(value) {
  if (!value.includes(",") && value === value.trim() && !ONLY_QUOTED.test(value)) return value;
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  return quote + value.replaceAll(quote, quote + quote) + quote;
}
