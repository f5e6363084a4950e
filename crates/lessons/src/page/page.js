/* Moves between steps, and shows the current one. */
const $ = (selector) => document.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 50rem)"), phone = matchMedia("(max-width: 38rem)");
const answers = kept(); /* for each address: whether its first answer was right */
let lesson = 0, step = 0, asking = false;

const chapter = () => LESSONS[lesson];
const place = () => `#${chapter().name}/${step + 1}`;
const waits = () => asking && !answers.has(place());
const isFatal = (index) => chapter().end !== null && index === chapter().steps.length - 1;
const sentence = (text) => escaped(text[0].toUpperCase() + text.slice(1));
const wrong = (text) => tag("span", {class: "wrong"}, escaped(text));
const hint = (text) => tag("span", {class: "hint"}, escaped(text));

/* A reload keeps the answers, if the browser lets this page keep anything. */
function kept() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(location.pathname)));
  } catch {
    return new Map();
  }
}

function keep() {
  try {
    sessionStorage.setItem(location.pathname, JSON.stringify([...answers]));
  } catch { /* It is a frame that may keep nothing. */ }
}

function go(toLesson, toStep, moves = false) {
  const before = lesson;
  lesson = Math.max(0, Math.min(LESSONS.length - 1, toLesson));
  step = Math.max(0, Math.min(chapter().steps.length - 1, toStep));
  const address = place() + (asking ? "/ask" : "");
  if (location.hash !== address) history.replaceState(null, "", address);
  show(moves);
  if (lesson !== before) scrollTo(0, 0);
}

function fromAddress() {
  const [name, number, mode] = location.hash.slice(1).split("/");
  const found = LESSONS.findIndex((l) => l.name === name);
  asking = mode === "ask";
  go(found < 0 ? 0 : found, (parseInt(number, 10) || 1) - 1);
  scrollTo(0, 0); /* A link in the table of steps is below the picture. */
}

function forward(by) {
  const to = step + by;
  if (to < 0 && lesson > 0) go(lesson - 1, Infinity);
  else if (to >= chapter().steps.length && lesson + 1 < LESSONS.length) go(lesson + 1, 0);
  else go(lesson, to, by > 0);
}

function answer(choice) {
  const {right} = question(chapter(), step), hadFocus = $("#choices").contains(document.activeElement);
  answers.set(place(), choice === right);
  keep();
  const isRight = tag("span", {class: "right"}, `Right: ${escaped(right)}.`);
  show(true, choice === right ? isRight : wrong(`No. The answer is ${right}.`));
  if (hadFocus) $("#next").focus();
}

/* The step in words: what it means, what the rule says, and what was measured. */
function event(current) {
  const {expected, measured, asked, meaning} = current;
  const ends = (how) => wrong(`Here it ends the process: ${how}.`);
  const undefinedRule = hint("The rule: undefined, anything may happen.");
  if (isFatal(step)) return `${sentence(chapter().rule)} ${undefinedRule} ${ends(chapter().end)}`;
  if (isUndefined(current)) return `${sentence(meaning)}. ${undefinedRule} ${ends(measured)}`;
  const what = isCount(current) ? `References to ${asked}: the` : `${asked} The`;
  const here = `here it is ${measured}`;
  const rule = hint(`${what} rule says ${expected},`);
  return `${sentence(meaning)}. ${rule} ${expected === measured ? escaped(here) : wrong(here)}.`;
}

/* Why an answer is right or wrong: the reason of this step. */
function reason({meaning, owners, measured, ...current}) {
  if (isFatal(step)) return `${sentence(chapter().rule)} Here the process ends: ${escaped(chapter().end)}.`;
  const ends = isUndefined(current) ? `Here the process ends: ${measured}.` : owners || "";
  return `${sentence(meaning)}. ${escaped(ends)}`;
}

/* The answers to a question. */
function buttons({choices}) {
  return choices.map((choice, index) => {
    const key = keyOf(choices, index), shown = key === choice ? "" : tag("kbd", {}, key);
    return tag("button", {type: "button", "data-choice": choice, "aria-keyshortcuts": key}, shown, escaped(choice));
  }).join("");
}

/* Shows the current step, or the one before it and a question. */
function show(moves, verdict = "") {
  const {title, rule, why, steps, undrawn, notes} = chapter(), current = steps[step];
  const asked = waits() && question(chapter(), step);
  document.title = title + ", step " + (step + 1);
  $("h1").textContent = title;
  $(".rule").textContent = rule;
  $("#place").textContent = `${step + 1} of ${steps.length}`;
  $("#event").innerHTML = asked ? escaped(asked.text) : verdict ? `${verdict} ${reason(current)}` : event(current);
  $("#choices").innerHTML = asked ? buttons(asked) : "";
  $("#back").disabled = lesson === 0 && step === 0;
  $("#next").disabled = lesson === LESSONS.length - 1 && step === steps.length - 1;
  $("#ask").setAttribute("aria-pressed", asking);
  const given = [...answers.values()];
  $("#score").textContent = given.length ? `${given.filter(Boolean).length} of ${given.length} right` : "";
  $("#again").hidden = !given.length;
  $("#whole").href = place();
  $("#same").hidden = !current.line || Boolean(asked);
  $("#same code").textContent = current.line;
  const explains = steps.some(isUndefined) || chapter().end !== null ? [UNDEFINED_MEANS.replace(/\n/g, " ")] : [];
  $("#notes").textContent = [...notes, ...explains].join("\n");
  $("#why").innerHTML = prose(why);
  for (const element of document.querySelectorAll(".drawn")) element.hidden = undrawn !== null;
  $(".undrawn").hidden = undrawn === null;
  $(".undrawn").textContent = undrawn && "No picture: " + undrawn;
  document.querySelectorAll("nav a").forEach((a, index) => {
    if (index === lesson) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  });
  list(asked);
  draw(asked, moves);
  tabulate(asked);
}

function list(asked) {
  const {lines, marked} = chapter().listing;
  $("#listing").innerHTML = lines.map((line, index) => {
    const is = index === marked[step], text = is && asked.hides ? "    ?" : line;
    const note = /^ *\/\*[^*]*\*\/$/.test(line) ? "note" : null;
    return tag("div", {class: note, "aria-current": is ? "step" : null}, escaped(text));
  }).join("");
  const here = $("#listing [aria-current]");
  $("#listing").scrollTop = here.offsetTop - $("#listing").offsetTop - $("#listing").clientHeight / 2;
}

/* The picture of a step. While asking, it hides each count that a second look at it will ask for. */
function seen(index) {
  const {name, steps} = chapter(), {picture} = steps[index], hidden = new Set();
  for (let next = index + 1; asking && next < steps.length && steps[next].call === ""; next++) {
    const target = picture.variables.find((variable) => variable.name === steps[next].asked);
    if (target && !answers.has(`#${name}/${next + 1}`)) hidden.add(target.object);
  }
  const masked = (object, number) => hidden.has(number) ? {...object, count: "?"} : object;
  return {...picture, objects: picture.objects.map(masked)};
}

/* The steps that share their variables and objects with a step. */
const historyOf = (index) => chapter().steps.filter((s) => s.history === chapter().steps[index].history);

function draw(asked, moves) {
  const {steps} = chapter(), follows = step > 0 && steps[step - 1].history === steps[step].history;
  const nothing = {asked: "", picture: {variables: [], objects: [], references: []}};
  const [before, now] = [step - 1, step].map((index) => steps[index] && {...steps[index], picture: seen(index)});
  const shown = !asked ? now : follows ? before : nothing, at = places(historyOf(step), phone.matches);
  const height = Math.max(...steps.map((_, index) => places(historyOf(index), phone.matches).height));
  const svg = $("#picture");
  svg.setAttribute("viewBox", `0 0 ${at.width} ${height}`);
  const said = phrases(shown.picture).join("; ") || "nobody owns anything";
  svg.setAttribute("aria-label", (asked ? "Before this line: " : "") + said);
  svg.innerHTML = drawing(shown, moves && !asked && !still.matches && follows && before, at, phone.matches);
}

function tabulate(asked) {
  const {name, steps, undrawn} = chapter();
  const rows = steps.slice(0, asked ? step : steps.length).map((s, index) => {
    const was = index > 0 && steps[index - 1].history === s.history ? phrases(seen(index - 1)) : [];
    const changes = phrases(seen(index)).filter((phrase) => !was.includes(phrase)).join("; ");
    const over = isFatal(index), bad = over || isUndefined(s);
    const link = {href: `#${name}/${index + 1}${asking ? "/ask" : ""}`};
    return tag("tr", {"aria-current": index === step ? "step" : null},
      tag("td", {}, tag("a", link, tag("code", {}, escaped(s.call || "…"))), "<br>",
        escaped(["yes", "no"].includes(s.expected) ? s.asked : s.meaning)),
      tag("td", {}, over ? "undefined" : escaped([counted(s), s.expected].join(" ").trim())),
      tag("td", {class: bad ? "wrong" : null}, escaped(over ? chapter().end : s.measured)),
      tag("td", {class: "drawn", hidden: undrawn === null ? null : ""}, escaped(changes)));
  });
  $("tbody").innerHTML = rows.join("");
}

function prose(markdown) {
  const code = (part) => {
    const [language, ...lines] = part.trimEnd().split("\n");
    return tag("pre", {class: language}, escaped(lines.filter((line) => !line.startsWith("# ")).join("\n")));
  };
  const paragraph = (text) => tag("p", {}, escaped(text).replace(/`([^`]*)`/g, "<code>$1</code>"));
  const paragraphs = (part) => part.trim().split(/\n\n+/).filter(Boolean).map(paragraph).join("");
  return markdown.split("```").map((part, index) => index % 2 ? code(part) : paragraphs(part)).join("");
}

/* For print, the pictures of all steps. */
function figures() {
  const {steps, undrawn} = chapter();
  return undrawn !== null ? "" : steps.map((s, index) => {
    const at = places(historyOf(index), false);
    const caption = tag("figcaption", {}, `${index + 1}. `, tag("code", {}, escaped(s.call)), " ", escaped(s.meaning));
    const svg = tag("svg", {viewBox: `0 0 ${at.width} ${at.height}`}, drawing(s, null, at, false));
    return tag("figure", {}, caption, svg);
  }).join("");
}

const fold = () => { $("nav details").open = !narrow.matches; };
$("nav div").innerHTML = LESSONS.map(({group, name, title}, index) => {
  const heading = index === 0 || LESSONS[index - 1].group !== group ? tag("h2", {}, escaped(group)) : "";
  return heading + tag("a", {href: `#${name}/1`}, escaped(title));
}).join("");
$("nav div").addEventListener("click", () => { if (narrow.matches) $("nav details").open = false; });
$("#back").addEventListener("click", () => forward(-1));
$("#next").addEventListener("click", () => forward(1));
$("#ask").addEventListener("click", () => {
  asking = !asking;
  if (asking) answers.delete(place());
  keep();
  go(lesson, step);
});
$("#again").addEventListener("click", () => {
  answers.clear();
  keep();
  go(lesson, step);
  $("#ask").focus(); /* This button is gone. */
});
$("#choices").addEventListener("click", ({target}) => {
  const button = target.closest("button");
  if (button) answer(button.dataset.choice);
});
narrow.addEventListener("change", fold);
addEventListener("resize", () => { list(waits() && question(chapter(), step)); draw(waits()); });
addEventListener("hashchange", fromAddress);
addEventListener("beforeprint", () => { $("#print").innerHTML = figures(); });
addEventListener("afterprint", () => { $("#print").innerHTML = ""; });
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("#listing") && /Up|Down/.test(event.key)) return; /* scrolls it */
  const choice = $(`#choices [aria-keyshortcuts="${CSS.escape(event.key)}"]`);
  const move = {
    ArrowRight: () => forward(1), ArrowLeft: () => forward(-1),
    ArrowDown: () => go(lesson + 1, 0), ArrowUp: () => go(lesson - 1, 0),
    Home: () => go(lesson, 0), End: () => go(lesson, Infinity), a: () => $("#ask").click(),
  }[event.key];
  if (choice) answer(choice.dataset.choice);
  else if (move) { event.preventDefault(); move(); }
});
if (window.top !== window) document.documentElement.classList.add("framed");
for (const {picture} of LESSONS.flatMap((l) => l.steps)) {
  picture.variables = picture.variables.map(([name, ownership, object]) => ({name, ownership, object}));
  picture.objects = picture.objects.map(([name, kind, value, count]) => ({name, kind, value, count}));
}
fold();
fromAddress();
