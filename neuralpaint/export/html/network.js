// The network on the GPU. Layout of the vector: see layout.py.
//
// An image is drawn in passes:
//   tables   the sines of all waves at each column and at each row of pixels
//   terms    the sums of these waves in each layer, and the series, along one axis
//   colours  what is left: the products, planes and layers, at each pixel
// So a wave costs a few operations per column and row, and nothing per pixel, except in the series,
// which costs one product per wave of x.
//
// The phases of the waves at the left and top edge are computed in double precision, so that a view
// can be a millionth of the picture.

const TEXELS = 1024; // of a row of the texture with the vector
const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
const HEADER = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D vector;
vec4 weights(int i) { return texelFetch(vector, ivec2(i & ${TEXELS - 1}, i / ${TEXELS}), 0); }
mat4 block(int i) { return mat4(weights(i), weights(i + 1), weights(i + 2), weights(i + 3)); }
out vec4 result;
`;
const TABLES = `${HEADER}
uniform sampler2D phases;  // one column per group of four waves: at the edge, and per pixel
uniform vec2 axis;  // the coordinate at the first pixel, and per pixel
uniform int coordinate;  // the row that contains the coordinate itself
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  if (at.y == coordinate) {
    result = vec4(axis.x + axis.y * float(at.x), 0.0, 0.0, 0.0);
    return;
  }
  vec4 turns = texelFetch(phases, ivec2(at.y, 0), 0)
    + float(at.x) * texelFetch(phases, ivec2(at.y, 1), 0);
  result = sin(6.28318531 * (turns - floor(turns + 0.5)));
}`;
// Each output is four sums; \`rows\` says where its weights are, and which part of the table they
// are for: start in the vector, texels from one input to the next, inputs / 4, first table row.
const TERMS = `${HEADER}
uniform sampler2D table;
uniform sampler2D rows;
uniform bool down;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 place = down ? at.yx : at.xy;
  ivec4 row = ivec4(texelFetch(rows, ivec2(place.y, 0), 0));
  vec4 sum = vec4(0.0);
  for (int i = 0; i < row.z; i++) {
    vec4 wave = texelFetch(table, ivec2(place.x, i), 0);
    int start = row.x + 4 * i * row.y;
    sum += wave.x * weights(start) + wave.y * weights(start + row.y)
      + wave.z * weights(start + 2 * row.y) + wave.w * weights(start + 3 * row.y);
  }
  result = sum;
}`;
const ACTIVATIONS = {
  // The error function of z / sqrt(2): Abramowitz & Stegun 1964, 7.1.26.
  gelu: `vec4 t = 1.0 / (1.0 + 0.23164190 * abs(z));
    vec4 tail = t * exp(-0.5 * z * z) * (0.254829592 + t * (-0.284496736
      + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return 0.5 * (z + abs(z) * (1.0 - tail));`,
  leaky_relu: "return max(z, 0.01 * z);",
  relu: "return max(z, 0.0);",
  sigmoid: "return 1.0 / (1.0 + exp(-z));",
  silu: "return z / (1.0 + exp(-z));",
  // A GPU's sine is accurate only near 0.
  sine: "vec4 t = z / 6.28318531; return sin(6.28318531 * (t - floor(t + 0.5)));",
  tanh: "return tanh(clamp(z, -10.0, 10.0));",
};

const fours = (count) => Math.ceil(count / 4);

/** A texture of numbers, and where passes draw into it. */
class Texture {
  constructor(gl, format = gl.RGBA32F) {
    this.gl = gl;
    this.format = format;
    this.texture = gl.createTexture();
    this.width = this.height = 0;
    this.frame = null;
  }

  #bind() {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE7); // no pass reads from it
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    for (const name of ["MIN_FILTER", "MAG_FILTER"]) gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl.NEAREST);
  }

  /** Fill it from an array of four floats per texel; rows and columns count texels. */
  write(values, width, height) {
    const { gl } = this;
    this.#bind();
    if (this.width === width && this.height === height) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, values);
    } else {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, values);
    }
    [this.width, this.height] = [width, height];
  }

  /** Make it the target of the next passes, with at least this size, or exactly this one. */
  target(width, height, { exactly = false } = {}) {
    const { gl } = this;
    if (exactly ? this.width !== width || this.height !== height : this.width < width || this.height < height) {
      const least = exactly ? [0, 0] : [this.width, this.height];
      [this.width, this.height] = [Math.max(least[0], width), Math.max(least[1], height)];
      this.#bind();
      const type = this.format === gl.RGBA8 ? gl.UNSIGNED_BYTE : this.format === gl.RGBA16F ? gl.HALF_FLOAT : gl.FLOAT;
      gl.texImage2D(gl.TEXTURE_2D, 0, this.format, this.width, this.height, 0, gl.RGBA, type, null);
    }
    this.frame ??= gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.texture, 0);
    gl.viewport(0, 0, width, height);
    return this;
  }
}

export class Network {
  #gl;
  #facts;
  #programs;
  #vector;
  #hidden = null; // a buffer of the weights between layers, where they fit
  #across = {};
  #down = {};
  #image;
  #size = [0, 0];
  #region = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} facts  as from `Layout.describe`, and the `span` of the picture, (y, x)
   * @throws {Error} the browser cannot do it
   */
  constructor(canvas, facts) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2");
    this.#gl = gl;
    this.#facts = facts;
    let format = gl.RGBA32F;
    if (!gl.getExtension("EXT_color_buffer_float")) {
      if (!gl.getExtension("EXT_color_buffer_half_float")) throw new Error("this GPU draws no floating-point numbers");
      format = gl.RGBA16F;
    }
    this.#vector = new Texture(gl);
    for (const axis of [this.#across, this.#down]) {
      axis.phases = new Texture(gl);
      axis.rows = new Texture(gl);
      axis.table = new Texture(gl, format);
      axis.terms = new Texture(gl, format);
    }
    this.#image = new Texture(gl, gl.RGBA8);
    this.#plan();
    const longest = Math.max(4 * TEXELS, facts.hidden) / 4 / TEXELS;
    if (longest > gl.getParameter(gl.MAX_TEXTURE_SIZE)) throw new Error("this GPU has too small textures");
    this.#programs = {
      tables: this.#compile(TABLES),
      terms: this.#compile(TERMS),
      colours: this.#compile(this.#colours()),
    };
  }

  get lost() {
    return this.#gl.isContextLost();
  }

  /** Multiplications and additions per pixel. */
  get cost() {
    const { layers, series } = this.#facts;
    const inputs = layers.map(({ inputs: each }) =>
      each.reduce((sum, i) => sum + (i ? layers[i - 1].units : this.#local), 0));
    return layers.reduce((sum, { units }, i) => sum + units * inputs[i], 0)
      + series.reduce((sum, { across }) => sum + across, 0);
  }

  // What is drawn into the tables and terms.
  #plan() {
    const { across, down, oblique, ramps, layers, series, planes, powers } = this.#facts;
    const rowsOf = { across: [], down: [] };
    const blocks = { across: 0, down: 0 };
    for (const layer of layers) {
      if (!layer.inputs.includes(0)) continue;
      layer.terms = blocks.across;
      for (const [name, waves] of [["across", across], ["down", down]]) {
        const inputs = 4 * (fours(waves.length) + (ramps ? 1 : 0));
        for (let unit = 0; unit < fours(layer.units); unit += 1) {
          rowsOf[name].push(inputs ? [layer.at[name] / 4 + unit * inputs, 1, inputs / 4, 0] : [0, 0, 0, 0]);
        }
      }
      blocks.across = rowsOf.across.length;
    }
    for (const part of series) {
      part.terms = rowsOf.down.length;
      const step = fours(part.across);
      for (let k = 0; k < step; k += 1) rowsOf.down.push([part.at / 4 + k, step, fours(part.down), 0]);
    }
    const { PI } = Math;
    for (const [name, waves, own] of [["across", across, 0], ["down", down, 1]]) {
      const axis = name === "across" ? this.#across : this.#down;
      const filled = (each) => [...each, ...Array(4 * fours(each.length) - each.length).fill([0, 0])];
      // Of an oblique wave, the shift c belongs to x.
      const part = oblique.map((wave) => [wave[own], own ? 0 : wave[2]]);
      axis.waves = [
        ...filled(waves),
        ...(ramps ? Array(4).fill([0, 0]) : []),
        ...filled(part),
        ...filled(part.map(([frequency, shift]) => [frequency, shift + 0.25])),
      ];
      axis.coordinate = ramps ? fours(waves.length) : -1;
      axis.sines = fours(waves.length) + (ramps ? 1 : 0);
      axis.cosines = axis.sines + fours(oblique.length);
      axis.count = Math.max(1, rowsOf[name].length);
      const values = new Float32Array(4 * axis.count);
      rowsOf[name].forEach((row, i) => values.set(row, 4 * i));
      axis.rows.write(values, axis.count, 1);
    }
    this.#local = 4 * (fours(oblique.length) + fours(powers.length)
      + planes.reduce((sum, { channels }) => sum + fours(channels), 0));
  }

  #local = 0;

  #compile(source) {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, source]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`this GPU does not accept a shader: ${gl.getProgramInfoLog(program)}`);
    }
    const places = new Map();
    return {
      program,
      place: (name) => {
        if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
        return places.get(name);
      },
    };
  }

  // The shader of the last pass, written for this network.
  #colours() {
    const gl = this.#gl;
    const { layers, series, planes, oblique, powers, hidden, code } = this.#facts;
    const locals = this.#local / 4;
    const hiddenTexels = (code - hidden) / 4;
    const fits = 16 * hiddenTexels <= gl.getParameter(gl.MAX_UNIFORM_BLOCK_SIZE);
    if (fits) this.#hidden = gl.createBuffer();
    // Powers: k, j and c of four features.
    const four = (rows, i) => [0, 1, 2].map((j) =>
      `vec4(${[0, 1, 2, 3].map((n) => (rows[4 * i + n]?.[j] ?? 0).toFixed(6)).join(",")})`);
    const used = [...new Set(layers.map(({ activation }) => activation))];
    const lines = [];
    let place = 0;
    if (oblique.length) {
      lines.push(`for (int i = 0; i < ${fours(oblique.length)}; i++) {
        vec4 sx = texelFetch(tableX, ivec2(at.x, ${this.#across.sines} + i), 0);
        vec4 cx = texelFetch(tableX, ivec2(at.x, ${this.#across.cosines} + i), 0);
        vec4 sy = texelFetch(tableY, ivec2(row, ${this.#down.sines} + i), 0);
        vec4 cy = texelFetch(tableY, ivec2(row, ${this.#down.cosines} + i), 0);
        local[i] = sx * cy + cx * sy;
      }`);
      place += fours(oblique.length);
    }
    if (powers.length) {
      lines.push(`vec2 q = vec2(fromCentre.x + fromCentre.z * float(at.x), fromCentre.y + fromCentre.w * float(row));
      float whole = dot(q, q) + core * core;
      float share = sqrt(dot(q, q) / max(whole, 1e-30)) + 1e-20;
      float turn = atan(q.x, -q.y + 1e-20) / 6.28318531;
      float ring = log(max(whole, 1e-30)) / 12.5663706;
      vec4 k, j, c, t;`);
      for (let i = 0; i < fours(powers.length); i += 1, place += 1) {
        const [k, j, c] = four(powers, i);
        lines.push(`k = ${k}; j = ${j}; c = ${c}; t = k * turn + j * ring + c;
        local[${place}] = pow(vec4(share), k + j) * sin(6.28318531 * (t - floor(t + 0.5)));`);
      }
    }
    planes.forEach((plane, i) => {
      const depth = fours(plane.channels);
      lines.push(`{
        vec3 x = node(planeX[${i}], at.x, ${plane.columns}), y = node(planeY[${i}], row, ${plane.rows});
        for (int i = 0; i < ${depth}; i++) {
          int start = ${plane.at[0] / 4} + (int(y.x) * ${plane.columns} + int(x.x)) * ${depth} + i;
          vec4 above = mix(weights(start), weights(start + ${depth}), x.y);
          start += ${plane.columns * depth};
          vec4 below = mix(weights(start), weights(start + ${depth}), x.y);
          local[${place} + i] = mix(above, below, y.y);
        }
      }`);
      place += depth;
    });
    layers.forEach((layer, index) => {
      const { units, activation, inputs, at } = layer;
      const last = index === layers.length - 1;
      const count = fours(units);
      const z = `v${index + 1}`;
      const inner = (start, total, offset, name, read) => `
        for (int f = 0; f < ${name.length ? name[1] : 0}; f++) {
          vec4 value = ${name[0]}[f];
          for (int u = 0; u < ${count}; u++) ${z}[u] += ${read}(${start} + (u * ${total} + ${offset} + f) * 4) * value;
        }`;
      lines.push(`vec4 ${z}[${count}];
      for (int u = 0; u < ${count}; u++) ${z}[u] = hiddenAt(${(at.bias - hidden) / 4} + u)`
        + ("terms" in layer ? ` + texelFetch(termsX, ivec2(at.x, ${layer.terms} + u), 0) + texelFetch(termsY, ivec2(${layer.terms} + u, row), 0);` : ";"));
      if (inputs.includes(0) && locals) {
        lines.push(inner(at.local / 4, locals, 0, ["local", locals], "block"));
      }
      const before = inputs.filter((i) => i);
      const total = before.reduce((sum, i) => sum + fours(layers[i - 1].units), 0);
      let offset = 0;
      for (const i of before) {
        lines.push(inner((at.hidden - hidden) / 4, total, offset, [`v${i}`, fours(layers[i - 1].units)], "hiddenBlock"));
        offset += fours(layers[i - 1].units);
      }
      if (last && series.length) {
        lines.push(`vec3 sums = vec3(0.0);
        ${series.map((part, channel) => `for (int i = 0; i < ${fours(part.across)}; i++)
          sums[${channel}] += dot(texelFetch(termsY, ivec2(${part.terms} + i, row), 0), texelFetch(tableX, ivec2(at.x, i), 0));`).join("\n")}
        ${z}[0].rgb += vec3(sums.x + sums.y + 0.5 * sums.z, sums.x - sums.z, sums.x - sums.y + 0.5 * sums.z);`);
      }
      if ("gain" in at) {
        lines.push(`float mean${index} = 0.0;
        for (int u = 0; u < ${count}; u++) mean${index} += dot(${z}[u], ${z}[u]);
        float root${index} = inversesqrt(mean${index} / ${units}.0 + 1e-5);
        for (int u = 0; u < ${count}; u++) ${z}[u] = root${index} * hiddenAt(${(at.gain - hidden) / 4} + u) * ${z}[u] + hiddenAt(${(at.shift - hidden) / 4} + u);`);
      }
      lines.push(`for (int u = 0; u < ${count}; u++) ${z}[u] = ${activation}_(${z}[u]);`);
    });
    return `${HEADER}
uniform sampler2D tableX, tableY, termsX, termsY;
uniform int height;
uniform vec4 frame;  // fractions of the picture: left and top of the first pixel, and per pixel
uniform vec4 fromCentre;
uniform float core;
${planes.length ? `uniform vec4 planeX[${planes.length}], planeY[${planes.length}];` : ""}
${fits ? `layout(std140) uniform Hidden { vec4 hiddenWeights[${hiddenTexels}]; };
vec4 hiddenAt(int i) { return hiddenWeights[i]; }` : `vec4 hiddenAt(int i) { return weights(${hidden / 4} + i); }`}
mat4 hiddenBlock(int i) { return mat4(hiddenAt(i), hiddenAt(i + 1), hiddenAt(i + 2), hiddenAt(i + 3)); }
${used.map((name) => `vec4 ${name}_(vec4 z) { ${ACTIVATIONS[name]} }`).join("\n")}
// The node before a pixel, and the distance from it; beyond the plane, the outermost node.
vec3 node(vec4 axis, int pixel, int count) {
  float moved = axis.y + axis.z * float(pixel);
  float first = axis.x + floor(moved);
  float part = moved - floor(moved);
  if (first < 0.0) return vec3(0.0);
  if (first + part >= axis.w) { first = min(floor(axis.w), float(count - 2)); part = axis.w - first; }
  return vec3(first, part, 0.0);
}
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int row = height - 1 - at.y;
  vec2 place = frame.xy + frame.zw * vec2(float(at.x), float(row));
  // A pixel at the edge may lie outside by less than its size, where the shapes differ by a fraction.
  vec2 outside = max(-place, place - 1.0);
  if (any(greaterThan(outside, 0.8 * frame.zw))) { result = vec4(0.0); return; }
  vec4 local[${Math.max(1, locals)}];
  ${lines.join("\n  ")}
  result = vec4(v${layers.length}[0].rgb, 1.0);
}`;
  }

  /** Use these weights from now on. */
  load(vector) {
    const gl = this.#gl;
    const { hidden, code } = this.#facts;
    const end = this.#hidden ? hidden : code;
    const height = Math.max(1, Math.ceil(end / 4 / TEXELS));
    const size = 4 * TEXELS * height;
    this.#padded ??= new Float32Array(size);
    this.#padded.set(vector.subarray(0, end));
    this.#vector.write(this.#padded, TEXELS, height);
    if (this.#hidden) {
      gl.bindBuffer(gl.UNIFORM_BUFFER, this.#hidden);
      gl.bufferData(gl.UNIFORM_BUFFER, vector.subarray(hidden, code), gl.DYNAMIC_DRAW);
    }
  }

  #padded = null;

  #use(program, textures) {
    const gl = this.#gl;
    gl.useProgram(program.program);
    Object.entries(textures).forEach(([name, texture], i) => {
      gl.activeTexture(gl.TEXTURE0 + i);
      gl.bindTexture(gl.TEXTURE_2D, texture.texture);
      gl.uniform1i(program.place(name), i);
    });
  }

  // Coordinates of the first pixel's centre, and per pixel.
  #axis(own) {
    const { span } = this.#facts;
    const [start, length, pixels, side] = own
      ? [this.#region.top, this.#region.height, this.#size[1], span[0]]
      : [this.#region.left, this.#region.width, this.#size[0], span[1]];
    const step = (length * side) / pixels;
    return [(start - 0.5) * side + step / 2, step];
  }

  /** Begin an image of a region {left, top, width, height}, in fractions of the picture. */
  begin(region, width, height) {
    const gl = this.#gl;
    this.#region = region;
    this.#size = [width, height];
    gl.disable(gl.SCISSOR_TEST);
    for (const [own, axis] of [this.#across, this.#down].entries()) {
      const pixels = this.#size[own];
      const [start, step] = this.#axis(own);
      const groups = axis.waves.length / 4;
      if (groups) {
        const phases = new Float32Array(8 * groups);
        axis.waves.forEach(([frequency, shift], i) => {
          const turns = frequency * start + shift;
          phases[i] = turns - Math.round(turns);
          phases[4 * groups + i] = frequency * step;
        });
        axis.phases.write(phases, groups, 2);
        this.#use(this.#programs.tables, { phases: axis.phases });
        gl.uniform2f(this.#programs.tables.place("axis"), start, step);
        gl.uniform1i(this.#programs.tables.place("coordinate"), axis.coordinate);
        axis.table.target(pixels, groups);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
      } else axis.table.target(1, 1);
      this.#use(this.#programs.terms, { vector: this.#vector, table: axis.table, rows: axis.rows });
      gl.uniform1i(this.#programs.terms.place("down"), own);
      if (own) axis.terms.target(axis.count, pixels);
      else axis.terms.target(pixels, axis.count);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
  }

  /** Draw some rows of pixels of the image, counted from the top. */
  draw(from = 0, to = this.#size[1]) {
    const gl = this.#gl;
    const { planes, centre, span } = this.#facts;
    const [width, height] = this.#size;
    const colours = this.#programs.colours;
    const { left, top, width: wide, height: high } = this.#region;
    // A larger one would have other pixels beside the edges, which `show` mixes in.
    this.#image.target(width, height, { exactly: true });
    this.#use(colours, {
      vector: this.#vector, tableX: this.#across.table, tableY: this.#down.table,
      termsX: this.#across.terms, termsY: this.#down.terms,
    });
    gl.uniform1i(colours.place("height"), height);
    gl.uniform4f(colours.place("frame"), left + wide / width / 2, top + high / height / 2, wide / width, high / height);
    const [[x, dx], [y, dy]] = [this.#axis(0), this.#axis(1)];
    gl.uniform4f(colours.place("fromCentre"), x - centre[0], y - centre[1], dx, dy);
    gl.uniform1f(colours.place("core"), centre[2]);
    if (planes.length) {
      for (const [name, own, start, step] of [["planeX", 1, x, dx], ["planeY", 0, y, dy]]) {
        const values = planes.flatMap((plane) => {
          const at = plane.scale[own] * start + plane.offset[own];
          return [Math.floor(at), at - Math.floor(at), plane.scale[own] * step, plane.last[own]];
        });
        gl.uniform4fv(colours.place(name), values);
      }
    }
    if (this.#hidden) {
      gl.uniformBlockBinding(colours.program, gl.getUniformBlockIndex(colours.program, "Hidden"), 0);
      gl.bindBufferBase(gl.UNIFORM_BUFFER, 0, this.#hidden);
    }
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, height - to, width, to - from);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.disable(gl.SCISSOR_TEST);
  }

  /** Show the image on the whole canvas. */
  show() {
    const gl = this.#gl;
    const [width, height] = this.#size;
    const { width: wide, height: high } = gl.canvas;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#image.frame);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    const filter = wide === width && high === height ? gl.NEAREST : gl.LINEAR;
    gl.blitFramebuffer(0, 0, width, height, 0, 0, wide, high, gl.COLOR_BUFFER_BIT, filter);
  }

  /** Return a promise that is kept when the GPU has drawn everything so far. */
  async finished() {
    const gl = this.#gl;
    const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    while (!gl.isContextLost() && gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) {
      await new Promise((wake) => { setTimeout(wake, 2); });
    }
    gl.deleteSync(sync);
  }
}
