// Runs at the end of a copy of the page, in a frame of the width to test, and sends the faults that it finds.
(() => {
  const wrong = [];
  const is = (what, found, expected) => {
    if (found !== expected) wrong.push(`${what}: ${found}, not ${expected}`);
  };
  const press = (key) => dispatchEvent(new KeyboardEvent("keydown", {key, cancelable: true}));
  const at = () => location.hash;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const chapterOf = (name) => LESSONS.find((l) => l.name === name);
  const here = chapterOf("whole-call"), index = LESSONS.indexOf(here), last = here.steps.length;
  const after = "#" + LESSONS[index + 1].name;
  const wide = innerWidth > 800;

  document.documentElement.classList.remove("framed");
  is("the lessons beside it", $("nav details").open, wide);
  is("the address that was asked for", at(), "#whole-call/3");
  is("its step", $("#place").textContent, "3 of " + last);
  is("its line", $("#listing [aria-current]").textContent.trim(), here.steps[2].call + ";");
  const moving = () => all("animate").length;
  is("moving, on opening an address", moving(), 0);
  press("ArrowRight"); is("right", at(), "#whole-call/4");
  press("ArrowLeft"); press("ArrowLeft"); is("left, twice", at(), "#whole-call/2");
  press("ArrowRight"); is("moving to the thief", moving(), still.matches ? 0 : 1); press("ArrowLeft");
  press("End"); is("End", at(), "#whole-call/" + last);
  press("ArrowRight"); is("right, after the last", at(), after + "/1");
  press("ArrowLeft"); is("and back", at(), "#whole-call/" + last);
  press("Home"); is("Home", at(), "#whole-call/1");
  press("ArrowUp"); is("up", at(), `#${LESSONS[index - 1].name}/1`);
  press("ArrowDown"); press("ArrowDown"); is("down, twice", at(), after + "/1");
  $("#next").click(); is("the button", at(), after + "/2");
  $("#back").click(); is("and back", at(), after + "/1");

  // The browser refuses to change the address more often than 200 times in a row, so these come first.
  $("#ask").click(); is("asking, in the address", at(), after + "/1/ask");
  is("asking, said", $("#ask").getAttribute("aria-pressed"), "true");
  $("#ask").click(); is("not asking", at(), after + "/1");
  location.hash = "#thin-ice/3/ask"; fromAddress(); is("asking, from the address", asking && at(), "#thin-ice/3/ask");
  const choice = $("#choices button"); choice.focus(); choice.click();
  is("focus after an answer", document.activeElement.id, "next");
  press("a"); is("not asking, by key", asking, false);
  press("a"); is("asking, by key", asking, true);
  $("#again").click(); is("answers, after starting over", answers.size, 0);
  is("nothing to start over", $("#again").checkVisibility(), false);
  is("focus after starting over", document.activeElement.id, "ask");
  asking = false;

  // A reader who has scrolled to the end of a lesson sees the top of the next one.
  const below = () => { scrollTo(0, document.documentElement.scrollHeight); return scrollY > 0; };
  is("can scroll", below(), true);
  go(index, 0); is("top of another lesson", scrollY, 0);
  is("can scroll", below(), true);
  go(index, 1); is("stays in a lesson", scrollY > 0, true);
  location.hash = "#whole-call/1"; fromAddress(); is("top after a link", scrollY, 0);
  const rules = (name) => {
    go(LESSONS.indexOf(chapterOf(name)), 0);
    return all("tbody td:nth-child(2)").map((cell) => cell.textContent);
  };
  is("a count has its variable", rules("stolen-reference")[5], "tuple 1");
  is("an answer has none", rules("copy")[0], "1, 2");

  // Every step of every lesson, as it is shown.
  let pictures = 0;
  LESSONS.forEach((l, number) => {
    const places = new Map();
    l.steps.forEach((s, index) => {
      go(number, index);
      const here = `${l.name}/${index + 1}`, drawn = l.undrawn === null;
      is(here + " current row", all("tr[aria-current]").length, 1);
      const line = all("#listing [aria-current]");
      is(here + " marked lines", line.length, 1);
      const bare = (text) => text.replace(/[;\s]/g, "");
      is(here + " marked line", !s.call || bare(line[0].textContent).includes(bare(s.call)), true);
      for (const part of all("#picture, .legend, th.drawn, td.drawn")) {
        const fits = innerWidth > 608 || !/^T/.test(part.tagName);
        is(`${here} ${part.tagName} shown`, part.checkVisibility(), drawn && fits);
      }
      is(here + " reason for no picture", $(".undrawn").checkVisibility(), !drawn);
      const fatal = l.end && index === l.steps.length - 1;
      if (fatal) is(here + " fatal", $("#event").textContent.includes("ends the process: " + l.end), true);
      for (const part of all("body *")) {
        const {right, left} = part.getBoundingClientRect();
        const leaves = right > innerWidth + 0.5 || left < -0.5;
        const said = `${here}: ${part.tagName} is wider than the window`;
        if (leaves && !part.closest("pre")) wrong.push(`${said}: ${left} to ${right}`);
      }
      is(here + " scrolls sideways", document.documentElement.scrollWidth > innerWidth, false);
      if (!drawn) return;
      pictures += 1;
      const {variables, objects, references} = s.picture;
      const alive = (to) => objects[to].count !== 0;
      const arrows = (kind) => all(`#picture > path.${kind}`).length;
      const of = (kind) => variables.filter(({ownership, object}) => ownership === kind && alive(object)).length;
      const rects = all("#picture rect");
      is(here + " boxes", rects.length, variables.length + objects.length);
      const held = references.filter(([, to]) => alive(to)).length;
      is(here + " owned", arrows("Owned"), of("Owned") + held);
      is(here + " borrowed", arrows("Borrowed"), of("Borrowed"));
      is(here + " stolen", arrows("Stolen"), of("Stolen"));
      is(here + " described", $("#picture").getAttribute("aria-label").length > 0, true);
      for (const {name, value} of objects) {
        is(`${here} value of ${name}`, !value || $("#picture").textContent.includes(value), true);
      }
      const frame = $("#picture").viewBox.baseVal, scale = $("#picture").getScreenCTM().a;
      const page = {x: 0, y: 0, width: frame.width, height: frame.height};
      if (12 * scale < 9) wrong.push(`${here}: text of ${(12 * scale).toFixed(1)} px`);
      // What has a box keeps it until the lesson starts again.
      for (const rect of rects) {
        const {x, y, width, height} = rect.getBBox();
        const place = [x, y, width, height, frame.width, frame.height].join(" ");
        const variable = variables.find(({name}) => name + "=" === rect.dataset.of);
        const key = [s.history, rect.dataset.of, variable?.object].join(" ");
        is(`${here} place of ${key}`, place, places.get(key) || place);
        places.set(key, place);
      }
      const boxes = rects.map((rect) => rect.getBBox());
      const isBeside = (a, b) => a.x + a.width <= b.x || b.x + b.width <= a.x;
      const isAbove = (a, b) => a.y + a.height <= b.y || b.y + b.height <= a.y;
      boxes.forEach((a, i) => boxes.forEach((b, k) => {
        if (i < k && !isBeside(a, b) && !isAbove(a, b)) wrong.push(here + ": boxes overlap");
      }));
      const isWithin = (a, b) => a.x >= b.x && a.x + a.width <= b.x + b.width;
      const isIn = (a, b) => isWithin(a, b) && a.y >= b.y && a.y + a.height <= b.y + b.height;
      for (const box of boxes) if (!isIn(box, page)) wrong.push(here + ": a box is outside");
      for (const text of all("#picture text")) {
        const around = text.getBBox();
        if (!boxes.some((box) => isIn(around, box))) wrong.push(`${here}: "${text.textContent}" leaves its box`);
      }
      const tops = $("#picture").getBoundingClientRect().top + scrollY;
      is(here + " top of the picture", tops, places.get("top") || tops);
      places.set("top", tops);
    });
  });

  // The page asks first: every step in turn, answered rightly and wrongly by keyboard.
  let [right, given] = [0, 0];
  const kinds = new Set();
  asking = true;
  LESSONS.forEach((l, number) => l.steps.forEach((s, index) => {
    go(number, index);
    const here = `${l.name}/${index + 1}`, buttons = all("#choices button"), q = question(l, index);
    kinds.add(q.text.split(" ").slice(0, 2).join(" "));
    is(here + " asks", $("#event").textContent, q.text);
    is(here + " offers the answer once", buttons.filter((b) => b.dataset.choice === q.right).length, 1);
    is(here + " offers another", buttons.length > 1 && buttons.length < 10, true);
    is(here + " rows before the answer", all("tbody tr").length, index);
    is(here + " hides the line", $("#listing [aria-current]").textContent.trim() === "?", Boolean(q.hides));
    const looksAgain = l.undrawn === null && s.call === "" && isCount(s);
    if (looksAgain) is(here + " hides its count", $("#picture").textContent.includes("?"), true);
    const rightly = given % 3 !== 0, button = buttons.find((b) => (b.dataset.choice === q.right) === rightly);
    press(button.getAttribute("aria-keyshortcuts"));
    given += 1; right += rightly;
    is(here + " score", $("#score").textContent, `${right} of ${given} right`);
    const verdict = rightly ? `Right: ${q.right}.` : `No. The answer is ${q.right}.`;
    is(here + " verdict", $("#event").textContent.startsWith(verdict), true);
    const fatal = l.end && index === l.steps.length - 1, why = fatal ? l.rule : s.meaning;
    is(here + " reason", $("#event").textContent.toLowerCase().includes(why.toLowerCase()), true);
    is(here + " owners", !s.owners || fatal || $("#event").textContent.includes(s.owners), true);
    is(here + " rows after it", all("tbody tr").length, l.steps.length);
    if (given < 3) { go(number, index); is(here + " asked once", all("#choices button").length, 0); }
  }));
  is("kinds of questions", kinds.size >= 5, true);
  for (const button of all("button, a")) is("a name", button.textContent.trim().length > 0, true);
  is("spoken at once", $("#event").closest("[aria-live=polite]") !== null, true);

  dispatchEvent(new Event("beforeprint"));
  is("figures in print", all("#print figure svg").length, LESSONS.at(-1).steps.length);
  dispatchEvent(new Event("afterprint"));
  is("figures after it", all("#print figure").length, 0);

  const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map((c) => {
    const part = c / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => { const [r, g, b] = channels(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const probe = document.body.appendChild(document.createElement("i"));
  const value = (name) => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  const pairs = [
    ["ink", "paper", 7], ["ink", "box", 7], ["ink", "mark", 7], ["soft", "paper", 4.5], ["soft", "box", 4.5],
    ["soft", "mark", 4.5], ["gone", "paper", 4.5], ["gone", "box", 4.5], ["gone", "mark", 4.5], ["good", "paper", 4.5],
    ["own", "paper", 4.5], ["own", "box", 4.5], ["borrow", "paper", 4.5], ["borrow", "box", 4.5], ["line", "paper", 3],
  ];
  for (const [ink, paper, least] of pairs) {
    const [a, b] = [value(ink), value(paper)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < least) wrong.push(`${ink} on ${paper}: contrast ${contrast.toFixed(2)}`);
  }
  is("fetched", performance.getEntriesByType("resource").length, 0);
  is("errors", window.errors.join("; "), "");
  const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  parent.postMessage(`${innerWidth} px, ${scheme}: ${pictures} pictures\n${wrong.join("\n")}\nend of report`, "*");
})();
