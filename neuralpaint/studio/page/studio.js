// The page: what the studio reports goes to the panels, what the person does goes to the studio.

import { CommandLine } from "./command.js";
import { Connection } from "./connection.js";
import { Curve } from "./curve.js";
import { find, say } from "./elements.js";
import { addressOf, showFiles } from "./files.js";
import { showMade } from "./made.js";
import { MakingPanel } from "./making.js";
import { Stage } from "./stage.js";
import { StartPanel } from "./start.js";
import { Timeline } from "./timeline.js";
import { isRunning, summary, TrainingPanel } from "./training.js";
import { chooseFile, receiveFiles, upload } from "./uploads.js";
import { decibels, stem, whole } from "./words.js";

const KEPT = "neuralpaint studio"; // the name of what a tab keeps through a reload

let state = null; // of the studio, as it was last reported
let items = []; // that were made
let item; // the one on the stage
let choices = null;
let chosen = null; // the picture of this tab {id, name, width, height}, not yet trained
let settings = {}; // of this tab's form
let trained = null; // the picture that this tab has started
let loading = false; // the choices
let starting = false; // from Start until the studio trains
let screen = "loading"; // "empty", "start", "training", "result" or "waiting"
let shown = null; // what is on the stage: phase, made, title
let lines = { start: [], make: [] }; // of the last checks
const asked = []; // which panel waits for which answer to a check, in their order
const unseen = []; // frames that were drawn while the tab was hidden

const command = new CommandLine();
const curve = new Curve(find("figure.curve"));

const stage = new Stage(find("#stage"), {
  view: (view) => connection?.send({ do: "view", ...view }),
  key: () => (screen === "result" ? timeline.toggle() : training.toggle()),
});

const timeline = new Timeline({
  moment: (fraction) => {
    making.fraction = fraction;
    connection.send({ do: "moment", fraction });
  },
  psnr: (step) => curve.at(step),
  moved: (step) => curve.axis(state.steps, step),
});

const training = new TrainingPanel(
  (message) => connection.send(message),
  () => choose(trained),
);

const start = new StartPanel({
  check: (message) => check("start", { command: "video", suffix: ".mp4", made: null, ...message }),
  start: (message) => (starting = connection.send({ do: "start", ...message })),
  cancel: () => choose(null),
  changed: (values) => {
    settings = values;
    keep();
  },
});

const making = new MakingPanel({
  make: (message) => connection.send(message),
  check: (message) => check("make", { picture: null, ...message }),
  cancel: () => connection.send({ do: "cancel" }),
});

const connection = new Connection({
  opened: () => {
    find("#connection").textContent = "";
    asked.length = unseen.length = 0;
    stage.tell({ again: true });
    start.refresh();
  },
  lost: () => {
    find("#connection").textContent =
      state?.mode === "watch" && !isRunning(state)
        ? "The command has ended."
        : "No connection. Trying again; if the studio was stopped, start it again in the terminal.";
  },
  state: (message) => {
    state = message;
    if (!choices && state.mode !== "watch") load();
    show();
  },
  curve: ({ from, points }) => {
    curve.add(from, points);
    show();
  },
  made: (message) => {
    items = message.items;
    show();
  },
  checked: ({ error, lines: found }) => {
    const panel = asked.shift();
    if (!panel || asked.includes(panel)) return; // a later answer will follow
    lines[panel] = error ? [] : found;
    (panel === "start" ? start : making).report(error);
    show();
  },
  error: ({ message, about }) => {
    if (about === "start") {
      starting = false;
      start.report(message);
    } else if (["film", "still", "page"].includes(about)) making.report(message);
    else if (about === "steps") training.reportLength(message);
    else if (about === "check") asked.shift();
    else complain(message);
  },
  frame: async (header, blob) => {
    if (screen === "training" || screen === "result") {
      await stage.frame(header, blob).catch(() => {}); // a damaged frame is followed by others
      say(find("#stage .hint"), null);
      timeline.drawn();
    }
    if (document.hidden) unseen.push(header.frame);
    else connection.send({ do: "seen", frame: header.frame });
  },
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const frame of unseen.splice(0)) connection.send({ do: "seen", frame });
});

receiveFiles(find("#file"), receive);
find("#choose").addEventListener("click", chooseFile);
find("#sample").addEventListener("click", takeSample);
find("#new").addEventListener("click", () => {
  choose(null);
  connection.send({ do: "close" });
});
find("#problem button").addEventListener("click", () => complain(null));
addEventListener("keydown", (event) => event.key === "Escape" && complain(null));

async function load() {
  if (loading) return;
  loading = true;
  const answer = await fetch("choices").catch(() => null);
  loading = false;
  if (!answer?.ok) return; // the next state tries again
  choices = await answer.json();
  const kept = recall();
  settings = kept.settings ?? {};
  start.build(choices, settings);
  making.build(choices);
  if (kept.picture && (await exists(kept.picture))) chosen ??= kept.picture;
  if (state.phase === "empty") chosen ??= state.offered ?? null; // named on the command line
  show();
}

async function receive(file) {
  if (!state || state.mode === "watch") return;
  if (isRunning(state))
    return complain("a training is running: stop it before you take another picture");
  if (/^audio\//.test(file.type) && screen === "start") return start.sound(file);
  complain(null);
  const note = find("#drop-note");
  const before = note.textContent;
  note.textContent = `Reading ${file.name} …`;
  try {
    choose(await upload("picture", file));
  } catch (error) {
    complain(error.message);
  }
  note.textContent = before;
}

async function takeSample() {
  try {
    const image = await createImageBitmap(await (await fetch("sample")).blob());
    choose({ id: "sample", name: "rocket.jpg", width: image.width, height: image.height });
    image.close();
  } catch {
    complain("the studio does not answer: try again in a moment");
  }
}

function choose(picture) {
  chosen = picture;
  keep();
  show();
}

// A studio that was started again no longer has the picture of an earlier one.
async function exists(picture) {
  return (await fetch(pictureOf(picture)).catch(() => null))?.ok;
}

const pictureOf = ({ id }) => (id === "sample" ? "sample" : `picture/${encodeURIComponent(id)}`);

function check(panel, message) {
  if (!document.hidden && connection.send({ do: "check", ...message })) asked.push(panel);
}

function complain(message) {
  say(find("#problem p"), message);
  find("#problem").hidden = !message;
}

// The one place that decides what is seen.
function show() {
  if (!state || (!choices && state.mode !== "watch")) return;
  const running = isRunning(state);
  if (running && starting && chosen?.name === state.title) {
    trained = chosen;
    chosen = null;
    starting = false;
    keep();
  }
  const before = screen;
  screen = screenOf(running);
  const watched = state.mode === "watch";
  find("#mode").textContent = watched ? "watching" : "studio";
  document.body.dataset.screen = screen;
  document.body.dataset.phase = state.phase;
  find("#drop").hidden = screen !== "empty";
  find("#waiting").hidden = screen !== "waiting";
  find("#work").hidden = screen === "empty" || screen === "waiting";
  find("#new").hidden = watched || screen !== "result";
  start.show(screen === "start" ? chosen : null);
  const moves = screen === "result" && state.fraction !== null;
  // The PSNR of a recorded training is that of the moment that is shown.
  const psnr = (moves ? curve.at(state.step) : null) ?? state.psnr;
  const seen = screen === "training" || screen === "result" ? { ...state, psnr } : null;
  training.show(seen, { again: trained !== null && trained.name === state.title });
  const opened = screen === "result" && !watched;
  timeline.show(moves ? state.steps : null, state.fraction ?? 1);
  if (!moves) curve.axis(state.steps ?? 0, null);
  making.fraction = moves ? timeline.fraction : 1;
  // A training of which a file is being made can be missing in the list meanwhile.
  item = items.find(({ id }) => id === state.made) ?? (item?.id === state.made ? item : undefined);
  making.show(opened ? item : null, state.job);
  showFiles(opened ? item : null);
  if (!watched) showMade(items, { running, shown: seen && state.made, open: (made) => open(made) });
  command.show(
    screen === "start" ? lines.start : [...(state.lines ?? []), ...(opened ? lines.make : [])],
  );
  showStage(seen);
  showWords(psnr);
  if (before !== screen && before !== "loading") {
    scrollTo({ top: 0 });
    find(".panel").scrollTop = 0;
    focusOn();
  }
}

function screenOf(running) {
  if (state.mode === "watch")
    return state.phase === "empty" ? "waiting" : running ? "training" : "result";
  if (running) return "training";
  if (chosen) return "start";
  return state.phase === "empty" ? "empty" : "result";
}

function open(made) {
  chosen = null;
  keep();
  connection.send({ do: "open", made });
  scrollTo({ top: 0 });
}

function showStage(seen) {
  stage.live = seen !== null;
  if (!seen && !chosen) {
    shown = null;
    return;
  }
  const now = seen
    ? { title: seen.title, made: seen.made, preparing: seen.phase === "preparing" }
    : { title: chosen.id, made: null, preparing: false };
  const same =
    shown &&
    shown.title === now.title &&
    Boolean(shown.seen) === Boolean(seen) &&
    (shown.made === now.made || !shown.made || !now.made) &&
    (shown.preparing || !now.preparing);
  shown = { ...now, seen: seen !== null };
  if (!same) {
    const aspect = seen ? (seen.aspect ?? 1) : chosen.width / chosen.height;
    stage.show(aspect, { fresh: !seen || now.preparing });
    if (chosen && !seen) stage.picture(pictureOf(chosen));
    lines.make = [];
    say(find("#stage .hint"), seen && seen.phase === "preparing" ? "Getting ready …" : null);
  }
  if (!seen) return;
  const file = item?.files.find(({ kind }) => kind === "picture");
  const own = trained !== null && trained.name === seen.title ? pictureOf(trained) : null;
  stage.original(file ? addressOf(item, file) : own);
}

function showWords(psnr) {
  const name = stem(state.title ?? "");
  const { tab, said } = summary(state, name);
  document.title = screen === "start" ? `${stem(chosen.name)} · neuralpaint studio` : tab;
  if (screen === "start") stage.describe(`The picture ${chosen.name}`, "");
  else if (screen === "training" || screen === "result") {
    const caption = `step ${whole(state.step ?? 0)} · ${decibels(psnr)}`;
    stage.describe(`${name} as the network has learned it, ${caption.replace(" ·", ",")}`, caption);
  }
  const place = find("#announcement");
  if (place.dataset.phase === state.phase) return;
  const first = place.dataset.phase === undefined;
  place.dataset.phase = state.phase;
  if (!first)
    place.textContent = state.phase === "done" ? `${said}, ${decibels(state.psnr)}` : said;
}

// Where what had the focus is gone, it goes to what has come.
function focusOn() {
  const active = document.activeElement;
  if (active !== document.body && !active?.closest("[hidden]")) return;
  const place = {
    empty: "#choose",
    start: "#start h2",
    training: "#training h2",
    result: "#training h2",
  }[screen];
  if (place) find(place).focus({ preventScroll: true });
}

function keep() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ picture: chosen, settings }));
  } catch {
    // A browser that stores nothing forgets the form when the page is loaded again.
  }
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}
