// The WebSocket to the studio. When it is lost it is opened again, and the state arrives whole.

const FIRST = 500; // milliseconds until it is tried again, doubled up to LONGEST
const LONGEST = 8000;

/** Sends what the person does, and calls one function per event of the studio. */
export class Connection {
  #socket = null;
  #wait = FIRST;
  #timer = 0;
  #listeners = {};

  /**
   * @param {object} listeners  functions by event: `state`, `curve`, `made`, `checked`, `error` get
   *   the message; `frame` gets its header and a Blob with the JPEG; `opened` and `lost` nothing
   */
  constructor(listeners) {
    this.#listeners = listeners;
    this.#open();
    addEventListener("online", () => this.#again());
    document.addEventListener("visibilitychange", () => document.hidden || this.#again());
  }

  /** Send one message, and return whether it was sent. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #open() {
    const address = new URL("live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#wait = FIRST;
      this.#listeners.opened();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        const message = JSON.parse(data);
        this.#listeners[message.event]?.(message);
      } else this.#listeners.frame(...frameOf(data));
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#listeners.lost();
      this.#timer = setTimeout(() => this.#open(), this.#wait);
      this.#wait = Math.min(LONGEST, 2 * this.#wait);
    };
    this.#socket = socket;
  }

  // A laptop that was closed needs no patience: it tries at once.
  #again() {
    if (this.#socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#wait = FIRST;
    this.#open();
  }
}

// The bytes of a frame are 4 with the length of its header, the header as JSON, and a JPEG.
function frameOf(data) {
  const length = new DataView(data).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  return [header, new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" })];
}
