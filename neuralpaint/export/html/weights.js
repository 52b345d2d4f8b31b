// The weights of a film: whole numbers of the chosen moments, and what lies between two of them.

/** Return the bytes of base64 text. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * The moments of a training, as whole multiples of a step per section of the vector.
 *
 * `packed` is what Python has written: {lengths, width, size, steps: [[end, step], ...]}.
 */
export class Weights {
  #moments = [];
  #steps;
  #blended; // what `at` has returned last
  #place = NaN;

  /** Decode all moments; each is stored as its difference to the one before. */
  static async decode(packed, bytes) {
    const weights = new Weights();
    const { lengths, width, size } = packed;
    weights.#steps = packed.steps;
    weights.#blended = new Float32Array(size);
    let start = 0;
    let before = new Int32Array(size);
    for (const length of lengths) {
      const raw = await inflated(bytes.subarray(start, start + length));
      const moment = before.slice();
      for (let i = 0; i < size; i += 1) {
        let folded = 0;
        for (let plane = width - 1; plane >= 0; plane -= 1) folded = folded * 256 + raw[plane * size + i];
        moment[i] += folded % 2 ? -(folded + 1) / 2 : folded / 2;
      }
      weights.#moments.push(moment);
      before = moment;
      start += length;
    }
    return weights;
  }

  get count() {
    return this.#moments.length;
  }

  /**
   * Return the vector at a place between two moments: 2.25 is a quarter of the way from the third
   * to the fourth. The array is the same each time.
   */
  at(place) {
    if (place === this.#place) return this.#blended;
    this.#place = place;
    const first = Math.min(this.count - 1, Math.max(0, Math.floor(place)));
    const second = Math.min(this.count - 1, first + 1);
    const amount = place - first;
    const [a, b, vector] = [this.#moments[first], this.#moments[second], this.#blended];
    let i = 0;
    for (const [end, step] of this.#steps) {
      for (; i < end; i += 1) vector[i] = step * (a[i] + amount * (b[i] - a[i]));
    }
    return vector;
  }
}

/**
 * The code that chooses between several pictures, and what it does to a vector: it adds to the
 * biases, and it mixes the planes of the pictures.
 */
export class Code {
  #code;
  #layers;
  #planes;

  constructor(code, network) {
    this.#code = code;
    this.#layers = network.layers.filter((layer) => "code" in layer.at);
    this.#planes = network.planes.filter(({ at }) => at.length > 1); // each picture has its own
  }

  /** The code at a place along the trained ones: 1.5 is halfway from the second to the third. */
  at(place) {
    const { codes } = this.#code;
    const first = Math.min(codes.length - 1, Math.floor(place));
    const second = codes[Math.min(codes.length - 1, first + 1)];
    return codes[first].map((value, i) => value + (place - first) * (second[i] - value));
  }

  /** Return the vector of a single picture, whose planes are where those of the first one were. */
  apply(vector, code) {
    const { centre, distance } = this.#code;
    const scaled = code.map((value, i) => (value - centre[i]) / distance);
    const changed = vector.slice();
    for (const { units, at } of this.#layers) {
      for (let unit = 0; unit < units; unit += 1) {
        const block = at.code + Math.floor(unit / 4) * 4 * scaled.length + (unit % 4);
        scaled.forEach((value, i) => { changed[at.bias + unit] += vector[block + 4 * i] * value; });
      }
    }
    const shares = this.#shares(code);
    for (const { at, rows, columns, channels } of this.#planes) {
      const size = rows * columns * 4 * Math.ceil(channels / 4);
      const mixed = changed.subarray(at[0], at[0] + size).fill(0);
      shares.forEach((share, picture) => {
        if (!share) return;
        const start = at[picture];
        for (let i = 0; i < size; i += 1) mixed[i] += share * vector[start + i];
      });
    }
    return changed;
  }

  // As MixingWeights of the models.
  #shares(code) {
    const { origin, axes, places, cardinals } = this.#code.mixing;
    const place = axes[0].map((_, j) =>
      code.reduce((sum, value, i) => sum + (value - origin[i]) * axes[i][j], 0));
    const terms = [
      ...places.map((other) => Math.hypot(...other.map((value, j) => value - place[j]))),
      1,
      ...place,
    ];
    const shares = places.map((_, picture) => {
      const share = terms.reduce((sum, term, i) => sum + term * cardinals[i][picture], 0);
      return share > this.#code.mixing.least ? share : 0;
    });
    const total = shares.reduce((sum, share) => sum + share, 0);
    return shares.map((share) => share / total);
  }
}
